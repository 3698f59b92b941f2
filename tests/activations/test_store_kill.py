from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from stored_extraction import files

SCRIPT = Path(__file__).with_name("killed_extraction.py")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_ten_kills_leave_no_trace_and_cost_no_finished_block(tmp_path):
    subprocess.run([sys.executable, SCRIPT, tmp_path, "0"], check=True, timeout=300)
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["again"] == [[]] * 10
    assert sorted(report["finished"] + report["last"]) == list(range(60))
    assert 0 < len(report["finished"]) < 60
    assert files(tmp_path / "killed") == files(tmp_path / "undisturbed")
