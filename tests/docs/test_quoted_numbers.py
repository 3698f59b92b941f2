"""Numbers that stand for measurements come from the files that the benchmarks wrote."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from benchmarks.measured import load, measured

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
ADDRESSED = re.compile(r'\[([^\]]+)\]\(benchmarks/RESULTS\.md#([\w-]+) "([^"]+)"\)')
QUOTED = ADDRESSED.findall(README)


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
    # A row that is found by the number itself would be lost with the next measurement.
    assert text not in [part.strip() for part in address.split(";")]


# A number with a unit of time, size or ratio; the × of 7 × 7 positions is none.
WITH_UNIT = re.compile(
    r"(?<![\w.,])(\d[\d,]*\.?\d*|\.\d+)\s?"
    r"(?:ms|µs|s|(?:milli)?seconds?|min|minutes?|hours?|days?|[KMG]i?B|%|per cent|points"
    r"|times|fold|×(?!\s?\d))(?!\w)"
)
# A number with decimals; those of versions with two points are none.
DECIMAL = re.compile(r"(?<![\w.,/:=-])[+−-]?\d*\.\d+(?![\w.]*\w)")
# Front matter, blocks of code, options of directives, quoted numbers, code within a line, where
# links lead, formulas and drawings.
SET_APART = re.compile(
    r"""^---\n.*?^---\n
    | ^(`{3,})(?:\w+|\{(?:code-block|code-cell|eval-rst|toctree|raw)\}[^\n]*)?\n.*?^\1$
    | ^:\w+:[^\n]*$
    | \{measured\}`[^`]*`
    | (?<!`)(`{1,2})(?!`)(?:(?!\n\n)[^`])+\2(?!`)
    | \]\([^)\s]*(?:\s"[^"]*")?\)
    | \$[^$]*\$ | <svg.*?</svg>""",
    re.DOTALL | re.VERBOSE | re.MULTILINE,
)
# Figures of levels and thresholds that are set, and of the literature: not measured here.
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
# Levels, the AUC of a coin, a step that is told, the licence of the emoji, the least Python.
SET_EVERYWHERE = {"0.05", "0.001", "0.1", "0.5", "4.0", "3.11"}
SET = {
    "README.md": {"0.95"},
    "docs/explanation/auc.md": {"0.95", "0.9"},
    "docs/explanation/comparison.md": {"0.55"},
    "docs/explanation/engine.md": {"−0.0", "0.0"},
    "docs/explanation/feature_inversion.md": {"0.550", "0.547"},  # of the paper
    "docs/explanation/harmonization.md": {"0.65753"},  # of the released program
    "docs/explanation/invert.md": {"−0.35", "0.75", "1.1"},
    "docs/explanation/search_and_significance.md": {"4.5", "0.65", "0.9", "0.98"},
    "docs/getting_started/your_model.md": {"0.8"},
    "docs/how_to/choose_significance.md": {"0.7"},
    "tutorials/harmonize.py": {"0.4"},
    "tutorials/honest_significance.py": {"0.75", "0.65"},
}
PROSE = [
    *sorted(ROOT.glob("*.md")),
    *(path for path in sorted((ROOT / "docs").rglob("*.md")) if "generated" not in path.parts),
    *sorted((ROOT / "tutorials").glob("*.py")),
]


def prose_of(path):
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".py":
        text = "\n".join(line[1:] for line in text.splitlines() if line.startswith("#"))
    for phrase in NO_MEASUREMENT.get(path.relative_to(ROOT).as_posix(), []):
        assert phrase in text, f"{path.name} does not say {phrase!r} any more"
        text = text.replace(phrase, "")
    if path.name == "README.md":
        text = ADDRESSED.sub("", text)
    return SET_APART.sub(" ", text)


@pytest.mark.parametrize("path", PROSE, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_no_measurement_is_typed_by_hand(path):
    prose, is_set = prose_of(path), SET.get(path.relative_to(ROOT).as_posix(), set())
    found = [match[0] for match in WITH_UNIT.finditer(prose)]
    decimals = {match[0] for match in DECIMAL.finditer(prose)}
    assert not found, "quote it with {measured}, or say in NO_MEASUREMENT that it was set"
    typed = decimals - SET_EVERYWHERE - is_set
    assert not typed, "quote it with {measured}, or say in SET that it was set"
    assert is_set <= decimals, "what is in SET is said no more"


def test_a_typed_number_is_noticed():
    for typed in (
        "in 12 ms",
        "takes 1.5 s.",
        "3,000 times faster",
        "by 7 %",
        "2 × slower",
        ".5 GB",
        "12 milliseconds",
        "3 min",
    ):
        assert WITH_UNIT.search(typed), typed
    for other in ("1,280 neurons", "7 × 7 positions", "page 3", "3 samples", "resnet50 s"):
        assert not WITH_UNIT.search(other), other
    for typed in ("an AUC of 0.83.", "fell by −0.2,", "(+5.60)", "| .91 |"):
        assert DECIMAL.search(typed), typed
    for other in ("version 1.2.3", "resnet-1.5b", "2023.12345v2", "12", "width=0.5"):
        assert not DECIMAL.search(other), other


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("it took {measured}`engine; a; b 2 ms` times, `3 ms`, ``4 `x` ms``, $5 s$", ""),
        ("```python\n3 ms\n```\n```{code-cell} python\n4 ms\n```\n", ""),
        ('[text](page.md#a-3 "4 ms")', ""),
        ("````text\n```\n3 ms\n```\n````\n", ""),
        # What a directive says, and what stands between two blocks of code.
        ("```{note}\nIt took 3 ms.\n```\n", "3 ms"),
        (":::{note}\nIt took 3 ms.\n:::\n", "3 ms"),
        ("```text\na `b\n```\nIt took 3 ms.\n```text\nc\n```\n", "3 ms"),
        # A link that leads to the results and has no address.
        ("[3 ms](benchmarks/RESULTS.md#a)", "3 ms"),
    ],
)
def test_only_what_is_no_prose_is_set_apart(text, seen):
    found = [match[0] for match in WITH_UNIT.finditer(SET_APART.sub(" ", text))]
    assert found == ([seen] if seen else [])
