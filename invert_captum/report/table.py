"""Results as text: a CSV file that a spreadsheet may open, and the best labels on a terminal."""

from __future__ import annotations

import csv
import math
from typing import TYPE_CHECKING, Any

from invert_captum._validation import check_integer

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

    from invert_captum.result import Explanation, Key, LabelingResult
    from invert_captum.search import Formula

# What makes a spreadsheet take a cell for a formula to run (OWASP, "CSV injection").
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")

_WIDEST_LABEL = 60


def write_csv(result: LabelingResult, path: str | os.PathLike[str]) -> None:
    """Write the table of a result to a CSV file.

    Text that a spreadsheet would run as a formula gets a leading apostrophe; numbers stay as they
    are.

    Args:
        result: The labels.
        path: The file to write, in UTF-8; one of this name is replaced.

    Raises:
        OSError: If it cannot be written.

    Examples:
        >>> import tempfile
        >>> from pathlib import Path
        >>> import numpy as np
        >>> import invert_captum as ic
        >>> rng = np.random.default_rng(0)
        >>> labels = rng.random((400, 1)) < 0.3
        >>> activations = rng.normal(size=(400, 1)) + 2 * labels
        >>> result = ic.label_neurons(activations, ic.ConceptSet(labels, ["-dog"]), max_length=1)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     write_csv(result, f"{folder}/labels.csv")
        ...     lines = Path(folder, "labels.csv").read_text(encoding="utf-8").splitlines()
        >>> [line.split(",")[1:4] for line in lines]
        [['neuron', 'rank', 'formula'], ['0', '0', "'-dog"]]
    """
    from pandas.api.types import is_numeric_dtype

    frame = result.to_frame()
    for name in frame.columns:
        if not is_numeric_dtype(frame[name]):
            frame[name] = [_harmless(value) for value in frame[name]]
    frame.to_csv(path, index=False, encoding="utf-8", quoting=csv.QUOTE_MINIMAL)


def best_keys(result: LabelingResult, count: int, *, distinct: bool = False) -> list[Key]:
    """Return the keys of the neurons with the best-supported labels, best first.

    Significant labels come before others, and all of them before labels that held-out samples
    refute or cannot test; otherwise the order is by the result's `evidence`.

    Args:
        result: The labels.
        count: How many keys to return at most.
        distinct: Whether every label is given once, because many neurons may stand for the same
            thing. Labels of concepts that no better one has are chosen first; others of these
            concepts fill up.

    Returns:
        *list*: keys for ``result[key]``; fewer than ``count`` if there are not so many.

    Raises:
        TypeError: If ``count`` is no integer.
        ValueError: If ``count`` is below 1.

    Examples:
        >>> import numpy as np
        >>> import invert_captum as ic
        >>> rng = np.random.default_rng(0)
        >>> labels = rng.random((400, 2)) < 0.3
        >>> activations = rng.normal(size=(400, 3)) + labels[:, [0, 0, 1]] * [3, 2, 1]
        >>> concepts = ic.ConceptSet(labels, ["dog", "cat"])
        >>> result = ic.label_neurons(activations, concepts, max_length=1)
        >>> best_keys(result, 2), best_keys(result, 2, distinct=True)
        ([0, 1], [0, 2])
    """
    check_integer("count", count, minimum=1)
    labelled = [key for key in result if result[key][0].formula is not None]

    def order(key: Key) -> tuple[bool, bool, float]:
        best = result[key][0]
        evidence = result.evidence(best)
        return evidence < 0, not best.significant, -evidence

    ordered = sorted(labelled, key=order)
    return distinct_keys(result, ordered, count) if distinct else ordered[:count]


def distinct_keys(result: LabelingResult, ordered: Sequence[Key], count: int) -> list[Key]:
    """Return at most ``count`` keys whose labels tell different things, in the given order.

    Preferred are labels of whose concepts, negated ones aside, none stands in one before. If they
    are not enough, other labels of these concepts fill up. No label is told twice.
    """
    new: list[Key] = []
    variants: list[Key] = []
    concepts_told: set[str] = set()
    labels_told: set[Formula | None] = set()
    for key in ordered:
        formula = result[key][0].formula
        if formula in labels_told:
            continue
        labels_told.add(formula)
        concepts = _concepts(result[key][0])
        (variants if concepts & concepts_told else new).append(key)
        concepts_told |= concepts
    chosen = set((new + variants)[:count])
    return [key for key in ordered if key in chosen]


def format_best(result: LabelingResult, count: int = 12, *, distinct: bool = False) -> str:
    """Return the best-supported labels as aligned text, a line each under one line of headings.

    Args:
        result: The labels.
        count: How many neurons to show at most.
        distinct: As for `best_keys`.

    Returns:
        *str*: lines without a line break at the end.

    Raises:
        TypeError: If ``count`` is no integer.
        ValueError: If ``count`` is below 1.

    Examples:
        >>> import numpy as np
        >>> import invert_captum as ic
        >>> rng = np.random.default_rng(0)
        >>> labels = rng.random((400, 2)) < 0.3
        >>> activations = rng.normal(size=(400, 3)) + labels[:, [0, 0, 1]] * [3, 2, 1]
        >>> concepts = ic.ConceptSet(labels, ["dog", "cat"])
        >>> result = ic.label_neurons(activations, concepts, max_length=1)
        >>> print(format_best(result, 2))
        neuron    AUC  held out  p adjusted  significant  positives  label
             0  0.983     0.989     2.2e-40          yes        111  dog
             1  0.918     0.915     1.7e-23          yes        111  dog
    """
    best = [result[key][0] for key in best_keys(result, count, distinct=distinct)]
    several = len(result.layers) > 1
    headings = ["neuron", "AUC", "held out", "p adjusted", "significant", "positives", "label"]
    rows = [headings]
    for one in best:
        neuron = f"{one.layer}[{one.neuron}]" if several else str(one.neuron)
        numbers = [
            f"{one.auc:.3f}",
            _number(one.heldout_auc, ".3f"),
            _number(one.p_adjusted, ".1e"),
            {True: "yes", False: "no", None: "–"}[one.significant],
        ]
        rows.append([neuron, *numbers, f"{one.n_positive:,}", _shortened(str(one.formula))])
    return _aligned(rows)


def describe_best(result: LabelingResult, count: int) -> str:
    """Return how many neurons are significant, and the best and distinct labels as text."""
    best = [result[key][0] for key in result]
    settings = result.settings
    found = f"{len(best):,} neurons"
    if settings["significance"] is not None:
        significant = sum(bool(one.significant) for one in best)
        test = f"{settings['significance']}, {settings['correction']}, alpha {settings['alpha']:g}"
        found += f", {significant:,} with a significant label ({test})"
    return f"{found}; the best distinct labels:\n\n{format_best(result, count, distinct=True)}"


def _concepts(explanation: Explanation) -> set[str]:
    literals = list(explanation.formula.literals()) if explanation.formula is not None else []
    asserted = [literal for literal in literals if not literal.negated] or literals
    return {str(literal.name) for literal in asserted}


def _harmless(value: Any) -> Any:
    is_formula = isinstance(value, str) and value.startswith(_FORMULA_STARTS)
    return f"'{value}" if is_formula else value


def _number(value: float, form: str) -> str:
    return "–" if math.isnan(value) else format(value, form)


def _shortened(label: str) -> str:
    # Control characters in a concept's name would let a file write to the terminal.
    plain = "".join(letter if letter.isprintable() else "?" for letter in label)
    return plain if len(plain) <= _WIDEST_LABEL else f"{plain[: _WIDEST_LABEL - 1]}…"


def _aligned(rows: Sequence[Sequence[str]]) -> str:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        *numbers, label = row
        cells = [cell.rjust(width) for cell, width in zip(numbers, widths, strict=False)]
        lines.append("  ".join([*cells, label]).rstrip())
    return "\n".join(lines)
