import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def keras_files(tmp_path_factory):
    """Return a folder of files that Keras wrote, removed with what is large after the session."""
    folder = tmp_path_factory.mktemp("keras")
    script = Path(__file__).with_name("written_by_keras.py")
    environment = {
        **os.environ,
        "KERAS_BACKEND": "torch",
        "KERAS_HOME": str(folder / "home"),
        "OMP_NUM_THREADS": "1",
    }
    subprocess.run([sys.executable, str(script), str(folder)], env=environment, check=True)
    yield folder
    for path in folder.glob("*.h5"):
        path.unlink()


@pytest.fixture
def narrow(keras_files, tmp_path):
    """Return a copy of a small whole model that a test may damage."""
    return shutil.copy(keras_files / "square.h5", tmp_path / "narrow.h5")
