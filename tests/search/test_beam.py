"""The beam search against a plain one that makes and scores every formula on its own."""

import re

import numpy as np
import pytest
import scipy.sparse
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from invert_captum.search import (
    ActivationRows,
    AucScore,
    Formula,
    SearchLabels,
    SearchSettings,
    search_block,
    size_limits,
)
from invert_captum.search.reference import ReferenceLabels, beam_search, rank_neurons

SIGNS = ["positive", "negative", "absolute_value"]


def exact_score(mask, values, sign):
    """Two integers whose quotient is the score, by counting pairs."""
    inside, outside = values[mask], values[~mask]
    wins = int((inside[:, None] > outside).sum())
    ties = int((inside[:, None] == outside).sum())
    doubled, pairs = 2 * wins + ties, len(inside) * len(outside)
    if sign == "negative":
        doubled = 2 * pairs - doubled
    if sign == "absolute_value":
        return abs(doubled - pairs) / (2 * pairs)
    return doubled / (2 * pairs)


def plain_beam_search(values, columns, limits, *, max_length, width, sign):
    literals = [Formula.concept(name) for name in columns]
    literals += [~literal for literal in literals]
    beam = []
    for level in range(max_length):
        options = list(beam)
        if level == 0:
            options += literals
        for formula in beam:
            options += [formula & literal for literal in literals]
            options += [formula | literal for literal in literals]
        scored = []
        for formula in options:
            mask = formula.evaluate(columns)
            if max(limits[0], 1) <= mask.sum() <= min(limits[1], len(mask) - 1):
                key = (-exact_score(mask, values, sign), formula.length, str(formula))
                scored.append((key, formula, mask))
        scored.sort(key=lambda entry: entry[0])
        beam, seen = [], set()
        for _, formula, mask in scored:
            twins = {mask.tobytes()} | ({(~mask).tobytes()} if sign == "absolute_value" else set())
            if not twins & seen and len(beam) < width:
                beam.append(formula)
                seen |= twins
    return beam


@st.composite
def problems(draw):
    n_samples = draw(st.integers(6, 40))
    n_concepts = draw(st.integers(1, 7))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    rates = rng.uniform(0.05, 0.95, n_concepts)
    labels = rng.random((n_samples, n_concepts)) < rates
    if n_concepts > 2 and draw(st.booleans()):
        labels[:, 0] = labels[:, 1]  # the same concept under two names
    levels = draw(st.sampled_from([2, 5, 1000]))
    values = rng.integers(0, levels, (3, n_samples)).astype(np.float32)
    values -= draw(st.sampled_from([0, 2]))
    values[:, :2] = 0, 1  # never constant
    return values, labels


def names(count):
    return ["pencil box", "c", "b-1", "Z", "a", "ü", 'say "x"'][:count]


ENGINES = ["kernels", "reference"]


def search(engine, values, labels, concept_names, search_settings):
    """The formulas of every neuron with size, score and samples, from either implementation."""
    matrix = scipy.sparse.csr_array(labels)
    if engine == "reference":
        search_labels = ReferenceLabels.from_labels(matrix, concept_names)
        found = beam_search(rank_neurons(values), search_labels, search_settings)
        return [
            [(one.formula, one.n_positive, one.score, one.mask) for one in beam] for beam in found
        ]
    search_labels = SearchLabels.from_labels(matrix, concept_names)
    rows = ActivationRows.dense(values)
    block = search_block(rows, search_labels, search_settings, top_k=search_settings.beam_width)
    columns = dict(zip(concept_names, labels.T, strict=True))
    return [
        [(one.formula, one.sizes[0], one.score, one.formula.evaluate(columns)) for one in beam]
        for beam in block.found
    ]


def run(engine, values, labels, *, max_length, width, sign, limits):
    search_settings = SearchSettings(max_length, width, *limits, AucScore(sign))
    return search(engine, values, labels, names(labels.shape[1]), search_settings)


LITERAL = re.compile(r'~?(?:"(?:[^"\\]|\\.)+"|[A-Za-z0-9_.\-]+)')


def can_be_shortened(formula, columns):
    """Whether TRUE or FALSE in the place of one literal of the text keeps the samples.

    One of the two drops the literal, the other drops all that it is joined with.
    """
    text, mask = str(formula), formula.evaluate(columns)
    constants = {"TRUE": np.ones(len(mask), bool), "FALSE": np.zeros(len(mask), bool)}
    if formula.length == 1:
        return False
    return any(
        np.array_equal(
            Formula.parse(text[: match.start()] + constant + text[match.end() :]).evaluate(
                {**columns, **constants}
            ),
            mask,
        )
        for match in LITERAL.finditer(text)
        for constant in constants
    )


@pytest.mark.parametrize("engine", ENGINES)
@settings(max_examples=200)
@given(problems(), st.integers(1, 4), st.integers(1, 5), st.sampled_from(SIGNS), st.booleans())
def test_finds_what_a_plain_beam_search_finds(engine, problem, max_length, width, sign, wide):
    values, labels = problem
    n_samples = len(labels)
    limits = (
        (1, n_samples - 1)
        if wide
        else size_limits(n_samples, min_positives=3, min_fraction=0.1, max_fraction=0.5)
    )
    columns = dict(zip(names(labels.shape[1]), labels.T, strict=True))
    found = run(
        engine, values, labels, max_length=max_length, width=width, sign=sign, limits=limits
    )
    for row, beam in zip(values, found, strict=True):
        expected = plain_beam_search(
            row, columns, limits, max_length=max_length, width=width, sign=sign
        )
        by_samples = {mask.tobytes(): formula for formula, _, _, mask in beam}
        assert len(by_samples) == len(beam) == len(expected)
        for formula in expected:
            ours = by_samples[formula.evaluate(columns).tobytes()]
            assert not can_be_shortened(ours, columns)
            if not can_be_shortened(formula, columns):
                assert ours == formula
        keys = [
            (-exact_score(mask, row, sign), formula.length, str(formula))
            for formula, _, _, mask in beam
        ]
        assert keys == sorted(keys)
        for formula, n_positive, score, mask in beam:
            assert np.array_equal(mask, formula.evaluate(columns))
            assert n_positive == mask.sum()
            auc = roc_auc_score(mask, row)
            scores = {"positive": auc, "negative": 1 - auc, "absolute_value": abs(auc - 0.5)}
            assert score == pytest.approx(scores[sign], abs=1e-12)


@settings(max_examples=300)
@given(problems(), st.integers(1, 5), st.integers(1, 6), st.sampled_from(SIGNS))
def test_kernels_and_reference_agree_to_the_bit(problem, max_length, width, sign):
    values, labels = problem
    arguments = {"max_length": max_length, "width": width, "sign": sign}
    limits = (2, len(labels) - 2)
    compiled = run("kernels", values, labels, limits=limits, **arguments)
    plain = run("reference", values, labels, limits=limits, **arguments)
    assert [[one[:3] for one in beam] for beam in compiled] == [
        [one[:3] for one in beam] for beam in plain
    ]


@pytest.mark.parametrize("engine", ENGINES)
def test_a_formula_that_gets_shorter_moves_up_among_its_equals(engine):
    labels = [[0, 0, 1], [1, 1, 0], [1, 1, 1], [0, 1, 0], [1, 0, 1], [1, 0, 0], [0, 0, 0]]
    labels = np.array(labels, dtype=bool)
    values = np.array([[0, 0, 0, 2, 1, 2, 0]])
    search_settings = SearchSettings(3, 3, 1, 6, AucScore("positive"))
    found = search(engine, values, labels, ["a", "b", "c"], search_settings)[0]
    assert [str(formula) for formula, *_ in found[:2]] == ["b & ~a", "a & ~b & ~c"]
    assert found[0][2] == found[1][2]


@pytest.mark.parametrize("engine", ENGINES)
def test_the_shortlist_grows_until_it_holds_enough_different_sets(engine):
    """Fifty copies of one concept, all in one tie, must not hide the other concepts."""
    rng = np.random.default_rng(0)
    labels = rng.random((100, 4)) < 0.4
    copies = np.repeat(labels[:, :1], 50, axis=1)
    all_labels = np.concatenate([copies, labels[:, 1:]], axis=1)
    values = (labels @ [4.0, 2.0, 1.0, 0.5] + rng.random(100))[np.newaxis]
    concept_names = [f"n{index:02}" for index in range(53)]
    search_settings = SearchSettings(1, 3, 1, 99, AucScore("positive"))
    found = search(engine, values, all_labels, concept_names, search_settings)[0]
    aucs = {f"n{index}": roc_auc_score(labels[:, index - 49], values[0]) for index in (50, 51, 52)}
    aucs["n00"] = roc_auc_score(labels[:, 0], values[0])
    assert len(set(aucs.values())) == 4
    best = sorted(aucs, key=aucs.__getitem__, reverse=True)
    assert best[0] == "n00"
    assert [str(formula) for formula, *_ in found] == best[:3]


@pytest.mark.parametrize("engine", ENGINES)
def test_nothing_within_the_limits_gives_an_empty_list(engine):
    values = np.arange(10.0)[np.newaxis]
    labels = np.arange(10)[:, np.newaxis] < 5
    found = run(engine, values, labels, max_length=3, width=2, sign="positive", limits=(7, 8))
    assert found == [[]]


@pytest.mark.parametrize("engine", ENGINES)
def test_no_neurons_give_no_lists(engine):
    labels = np.arange(10)[:, np.newaxis] < 5
    values = np.empty((0, 10))
    found = run(engine, values, labels, max_length=2, width=2, sign="positive", limits=(1, 9))
    assert found == []


def test_size_limits_are_inclusive_in_spite_of_rounding():
    # 0.07 · 50,000 is above 3,500 as a float, and 0.29 · 50,000 below 14,500.
    limits = size_limits(50_000, min_positives=1, min_fraction=0.07, max_fraction=0.29)
    assert limits == (3_500, 14_500)
    assert size_limits(10, min_positives=0, min_fraction=0.0, max_fraction=1.0) == (1, 9)
    assert size_limits(945, min_positives=20 * 945 / 1889, min_fraction=0, max_fraction=0.5) == (
        11,
        472,
    )
