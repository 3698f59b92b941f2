from __future__ import annotations

import numpy as np

import invert_captum as ic
from invert_captum.report.concept_counts import ConceptCounts
from invert_captum.result import Explanation


def result_of(labels, *, settings=None) -> ic.LabelingResult:
    """Labels as (layer, formula, significant)."""
    explanations = []
    for neuron, (layer, text, significant) in enumerate(labels):
        formula = None if text is None else ic.Formula.parse(text)
        length = 0 if formula is None else formula.length
        explanations.append(
            Explanation(
                layer, neuron, 0, formula, length, auc=0.8, heldout_auc=0.7, significant=significant
            )
        )
    return ic.LabelingResult(tuple(explanations), settings or {})


LABELS = [
    ("one", "dog", True),
    ("one", "dog & ~cat", True),
    ("one", "~dog", True),
    ("one", "cat | dog", False),
    ("two", "cat", True),
    ("two", "bird & (cat | bird & dog)", True),
    ("two", None, None),
    ("two", "fish", False),
]


def test_counts_are_those_counted_by_hand():
    counts = ConceptCounts.of(result_of(LABELS), pooled=False)
    assert counts.names == ("dog", "cat", "bird", "fish")
    assert counts.columns == ("one", "two")
    assert counts.alone.tolist() == [[1, 0], [0, 1], [0, 0], [0, 0]]
    assert counts.combined.tolist() == [[1, 1], [0, 1], [0, 1], [0, 0]]
    assert counts.doubtful.tolist() == [[1, 0], [1, 0], [0, 0], [0, 1]]
    assert counts.n_only_negated == 1
    assert counts.n_sure == 3


def test_pooled_counts_are_the_sums_over_layers():
    apart = ConceptCounts.of(result_of(LABELS), pooled=False)
    pooled = ConceptCounts.of(result_of(LABELS), pooled=True)
    assert pooled.names == apart.names
    for kind in ("alone", "combined", "doubtful"):
        assert np.array_equal(getattr(pooled, kind)[:, 0], getattr(apart, kind).sum(1))


def test_labels_that_were_not_tested_are_not_doubtful():
    counts = ConceptCounts.of(result_of([(None, "dog", None)]), pooled=True)
    assert counts.alone.tolist() == [[1]]
    assert counts.doubtful.tolist() == [[0]]


def test_no_asserted_concept_at_all():
    counts = ConceptCounts.of(result_of([(None, "~dog", True)]), pooled=True)
    assert counts.names == ()
    assert counts.alone.shape == (0, 1)
    assert counts.n_sure == 0


def test_further_labels_of_a_neuron_do_not_count(activations, concepts):
    result = ic.label_neurons(activations, concepts, top_k=3)
    best = ic.label_neurons(activations, concepts)
    one, other = (ConceptCounts.of(each, pooled=True) for each in (result, best))
    assert one.names == other.names
    assert np.array_equal(one.alone, other.alone)
    assert np.array_equal(one.combined, other.combined)
