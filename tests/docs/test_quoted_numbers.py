"""Numbers that stand for measurements come from the files that the benchmarks wrote."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from benchmarks.measured import load, measured

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
QUOTED = re.findall(r'\[([^\]]+)\]\(benchmarks/RESULTS\.md#([\w-]+) "([^"]+)"\)', README)


def anchor(title):
    """The anchor that a renderer of Markdown gives a heading."""
    return re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")


def test_the_readme_quotes_numbers():
    table = README[README.index("| | measured |") : README.index("## Documentation")]
    assert len(QUOTED) >= 10
    assert len(QUOTED) == len(re.findall(r"\[[\d,.]+\]", table))  # each number has its address


@pytest.mark.parametrize(("text", "place", "address"), QUOTED, ids=[one[2] for one in QUOTED])
def test_a_number_of_the_readme_is_the_measured_one(text, place, address):
    assert text == measured(address)
    assert place == anchor(load(address.split(";")[0]).title)


# A number with a unit of time, size or ratio; the × of 7 × 7 positions is none.
WITH_UNIT = re.compile(
    r"(?<![\w.,])(\d[\d,]*\.?\d*|\.\d+)\s?"
    r"(?:ms|µs|s|seconds?|minutes?|hours?|[KMG]i?B|%|per cent|times|×(?!\s?\d)|points)(?!\w)"
)
# Code, quoted numbers, formulas, and figures of levels and thresholds that are set, not measured.
SET_APART = re.compile(
    r"""^---\n.*?^---\n | ```.*?``` | <svg.*?</svg> | \{measured\}`[^`]*` | `+[^`]*`+
    | \[[^\]]*\]\(benchmarks[^)]*\) | \$[^$]*\$""",
    re.DOTALL | re.VERBOSE | re.MULTILINE,
)
_BOX = "1.5 times the mean"  # the threshold of `localize`
NO_MEASUREMENT = {
    "docs/explanation/auc.md": ["95 % of those", "90 % of trials"],
    "docs/explanation/feature_inversion.md": ["(95 % interval", _BOX],
    "docs/explanation/search_and_significance.md": [
        "**for noise, p ≤ 0.05 happens in 5 % of cases**, p ≤ 0.001 in 0.1 %",
        "the middle 90 % of",
        "90 % zeros and 20 positives",
        "an upper 95 % bound",
        "intervals of 95 % hold",
    ],
    "docs/how_to/debug_a_prediction.md": ["unusual at 95 per cent"],
    "docs/how_to/invert_features.md": [_BOX],
    "docs/how_to/resume_a_killed_run.md": ["up to 128 MB each"],
    "tutorials/harmonize.py": ["95 %"],
    "tutorials/two_objects.py": ["1.5 times the map's mean"],
}
PROSE = [
    ROOT / "README.md",
    *sorted((ROOT / "docs").glob("*/**/*.md")),
    *sorted((ROOT / "tutorials").glob("*.py")),
]


def prose_of(path):
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".py":
        text = "\n".join(line[1:] for line in text.splitlines() if line.startswith("#"))
    for phrase in NO_MEASUREMENT.get(path.relative_to(ROOT).as_posix(), []):
        assert phrase in text, f"{path.name} does not say {phrase!r} any more"
        text = text.replace(phrase, "")
    return SET_APART.sub("", text)


@pytest.mark.parametrize("path", PROSE, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_no_measurement_is_typed_by_hand(path):
    found = [match[0] for match in WITH_UNIT.finditer(prose_of(path))]
    assert not found, "quote it with {measured}, or say in NO_MEASUREMENT that it was set"


def test_a_typed_number_is_noticed():
    for typed in (
        "in 12 ms",
        "takes 1.5 s.",
        "3,000 times faster",
        "by 7 %",
        "2 × slower",
        ".5 GB",
    ):
        assert WITH_UNIT.search(typed), typed
    for other in ("1,280 neurons", "7 × 7 positions", "page 3", "3 samples", "resnet50 s"):
        assert not WITH_UNIT.search(other), other
    assert not WITH_UNIT.search(SET_APART.sub("", "it took {measured}`engine; a; b` times, `3 ms`"))
