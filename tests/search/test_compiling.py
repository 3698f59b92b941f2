"""Kernels that were compiled before are not used for sources that have changed since."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import invert_captum

SCRIPT = """
import numpy as np, scipy.sparse
from invert_captum.search import *
labels = SearchLabels.from_labels(scipy.sparse.csr_array(np.eye(4, dtype=bool)), list("abcd"))
_, sums = concept_rank_sums(ActivationRows.dense(np.arange(1, 5, dtype=np.float32)[None]), labels)
print(sums.tolist())
"""


def test_a_changed_part_of_a_kernel_is_compiled_again(tmp_path):
    package = tmp_path / "invert_captum"
    shutil.copytree(
        Path(invert_captum.__file__).parent,
        package,
        ignore=shutil.ignore_patterns("__pycache__", "demo", "report", "cli"),
    )

    def run():
        environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
        command = [sys.executable, "-c", SCRIPT]
        done = subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    assert run() == "[[2, 4, 6, 8]]"
    part = package / "search" / "kernels" / "rank_sums.py"
    source = part.read_text()
    changed = source.replace("2 * before[part] + 2\n", "2 * before[part] + 1002\n")
    assert changed != source
    part.write_text(changed)
    assert run() == "[[1002, 1004, 1006, 1008]]"


def test_nothing_is_left_in_the_package():
    """Files that an uninstallation does not know of would stay, and hide the next installation."""
    kernels = Path(invert_captum.__file__).parent / "search" / "kernels"
    before = set(kernels.rglob("*.nb?"))
    command = [sys.executable, "-c", SCRIPT]
    subprocess.run(command, capture_output=True, text=True, check=True)
    assert set(kernels.rglob("*.nb?")) == before
