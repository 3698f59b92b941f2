from __future__ import annotations

import pytest

from benchmarks import start_up
from benchmarks.results import Report


def test_a_row_holds_the_median_against_the_bar():
    assert start_up.row(start_up.BEYOND, [0.1, 0.9, 0.4]) == [
        *(start_up.BEYOND, 0.4, 0.1, 0.9),
        *("0.5", "yes"),
    ]
    assert start_up.row(start_up.HELP, [1.2, 0.9, 1.1])[-1] == "no"
    assert start_up.row(start_up.WITH, [9.0])[-2:] == ["–", "–"]


def test_what_the_package_adds_is_the_difference_within_a_round(monkeypatch):
    lengths = {start_up.IMPORTS[start_up.WITHOUT]: 2.0, start_up.IMPORTS[start_up.WITH]: 2.25}
    monkeypatch.setattr(start_up, "seconds", lambda words: lengths.get(words[-1], 1.0))
    assert start_up.time_rounds(3)[start_up.BEYOND] == [0.25] * 3


def test_a_process_that_fails_is_no_measurement():
    with pytest.raises(start_up.subprocess.CalledProcessError):
        start_up.seconds([start_up.sys.executable, "-c", "raise SystemExit(1)"])


def test_a_run_prints_saves_and_checks(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(start_up, "IMPORTS", dict.fromkeys(start_up.IMPORTS, ""))
    path = tmp_path / "start_up.json"
    start_up.main(["--rounds", "1", "--output", str(path)])
    assert Report.load(path).text() in capsys.readouterr().out
    monkeypatch.setattr(start_up, "BARS", {start_up.HELP: 0.0})
    with pytest.raises(SystemExit, match="too slow: invert-captum --help"):
        start_up.main(["--rounds", "1", "--check"])
