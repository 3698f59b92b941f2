"""What the benchmarks read of others: WordNet, which no Python package brings along."""

from pathlib import Path

import pytest

from benchmarks.wordnet import DEBIAN_FOLDER

NEED_WORDNET = {"test_engine.py", "test_imagenet.py", "test_scale.py"}


def pytest_collection_modifyitems(items):
    if Path(DEBIAN_FOLDER, "data.noun").exists():
        return
    # CI installs it, and fails where this is skipped.
    missing = pytest.mark.skip(reason="WordNet is not installed: apt-get install wordnet-base")
    for item in items:
        if item.path.parent == Path(__file__).parent and item.path.name in NEED_WORDNET:
            item.add_marker(missing)
