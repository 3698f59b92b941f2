from __future__ import annotations

import math
import sys
from collections import Counter
from dataclasses import replace
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
import pytest
from matplotlib.colors import to_rgba
from matplotlib.text import Text
from statsmodels.stats.multitest import multipletests

import invert_captum as ic
from invert_captum.report.evidence import Evidence
from invert_captum.report.neuron_card import INSIDE
from invert_captum.report.significance import plot_significance
from invert_captum.report.threshold import threshold
from invert_captum.result import Explanation, NullScores
from invert_captum.result.packed_mask import pack_mask

if TYPE_CHECKING:
    from matplotlib.transforms import Bbox

SETTINGS = {
    "concepts": [],
    "sign": "positive",
    "significance": "holdout",
    "correction": "holm",
    "alpha": 0.05,
    "n_samples": 100,
    "n_folds": None,
    "fold_combination": None,
    "heldout": pack_mask(np.arange(100) % 2 == 0),
    "folds": None,
}
# Those of statsmodels that give adjusted p-values.
STEPWISE = ["holm", "simes-hochberg", "hommel", "holm-sidak", "fdr_bh", "fdr_by", "fdr_tsbh"]
CORRECTIONS = [*STEPWISE, "bonferroni", "sidak", "fdr_tsbky", "fdr_gbs"]
# What a smallest p alone has to pass can be said of these.
WITH_CUT = ["bonferroni", "sidak", "holm", "holm-sidak", "simes-hochberg", "fdr_bh", "fdr_by"]


def result_of(
    heights, effects=None, *, null=None, significant=None, heldout=True, **settings
) -> ic.LabelingResult:
    """Labels with these −log10 p, corrected by statsmodels, and one neuron that was set aside."""
    settings = {**SETTINGS, **settings}
    heights = np.asarray(heights, dtype=float)
    if effects is None:
        effects = 0.5 + 0.45 * heights / (heights + 3)
    p_values = 10**-heights
    if significant is None:
        with np.errstate(divide="ignore"):
            significant = multipletests(
                p_values, alpha=settings["alpha"], method=settings["correction"]
            )[0]
    explanations = [
        Explanation(
            layer=None,
            neuron=neuron,
            rank=0,
            formula=ic.Formula.concept(f"concept-{neuron}"),
            length=1,
            auc=float(effect),
            heldout_auc=0.98 * float(effect) if heldout else math.nan,
            n_positive=20,
            log10_p=-float(height),
            p_value=float(p_value),
            significant=bool(rejected),
            statistic=float(effect) if null else math.nan,
            n_permutations=999 if null else 0,
        )
        for neuron, (height, effect, p_value, rejected) in enumerate(
            zip(heights, effects, p_values, significant, strict=True)
        )
    ]
    explanations.append(Explanation(None, len(heights), 0, None))
    if not heldout:
        settings["heldout"] = None
    return ic.LabelingResult(tuple(explanations), settings, null=null)


def mixed_heights(count: int = 60, seed: int = 0):
    rng = np.random.default_rng(seed)
    return np.concatenate(
        [-np.log10(rng.random(count)), rng.uniform(2, 9, size=count), rng.uniform(1, 4, size=count)]
    )


def axes_of(figure, gid: str):
    (axes,) = [axes for axes in figure.axes if axes.get_gid() == gid]
    return axes


def line_of(axes, gid: str):
    found = [line for line in axes.lines if line.get_gid() == gid]
    return found[0] if found else None


def drawn_threshold(figure) -> float | None:
    line = line_of(axes_of(figure, "volcano"), "threshold")
    return None if line is None else float(line.get_ydata()[0])


def told(figure) -> str:
    drawn = [text.get_text() for text in figure.texts]
    drawn += [text.get_text() for axes in figure.axes for text in axes.texts]
    return "\n".join(drawn)


def named(figure) -> list:
    return [
        text
        for text in axes_of(figure, "volcano").texts
        if text.get_text().startswith(("concept", '"'))
    ]


def points(axes):
    """The points by whether they have the colour of significant ones."""
    drawn = {True: [], False: []}
    for collection in axes.collections:
        if len(offsets := np.asarray(collection.get_offsets())):
            is_inside = np.allclose(collection.get_facecolor()[0][:3], to_rgba(INSIDE)[:3])
            drawn[is_inside] += offsets.tolist()
    return {key: np.array(value).reshape(-1, 2) for key, value in drawn.items()}


@pytest.mark.parametrize("correction", CORRECTIONS)
def test_threshold_separates_what_statsmodels_rejects_from_the_rest(correction):
    heights = mixed_heights()
    rejected = multipletests(10**-heights, alpha=0.05, method=correction)[0]
    assert 0 < rejected.sum() < 180
    cut = threshold(Evidence.of(result_of(heights, correction=correction)), correction, 0.05)
    assert heights[~rejected].max() <= cut <= heights[rejected].min()


def test_threshold_is_drawn_between_the_colours():
    result = result_of(mixed_heights())
    figure = plot_significance(result)
    axes = axes_of(figure, "volcano")
    drawn, cut = points(axes), drawn_threshold(figure)
    found = sum(bool(one.significant) for one in result.explanations)
    assert len(drawn[True]) == found
    assert len(drawn[False]) == 180 - found
    assert drawn[False][:, 1].max() <= cut <= drawn[True][:, 1].min()
    assert f"holm, alpha 0.05: p = {10**-cut:.2g}" in told(figure)


@pytest.mark.parametrize("correction", WITH_CUT)
def test_without_significant_labels_the_line_is_what_the_smallest_p_has_to_pass(correction):
    heights = np.linspace(0.01, 1.0, 40)
    cut = threshold(Evidence.of(result_of(heights, correction=correction)), correction, 0.05)
    for moved, expected in ((1e-9, True), (-1e-9, False)):
        p_values = 10 ** -np.append(heights[:-1], cut + moved)
        assert multipletests(p_values, alpha=0.05, method=correction)[0].any() == expected


def test_a_correction_without_a_cut_of_its_own_draws_none_where_all_or_none_pass():
    none = plot_significance(result_of([0.1, 0.5], correction="hommel"))
    assert drawn_threshold(none) is None
    assert not named(none)
    every = Evidence.of(result_of([9, 8], correction="fdr_gbs"))
    assert threshold(every, "fdr_gbs", 0.05) is None


@pytest.mark.parametrize("correction", ["westfall_young", "westfall_young_raw"])
def test_max_t_has_colours_and_no_line(correction):
    result = result_of(
        [2, 2, 1], significant=[True, False, True], correction=correction, heldout=False
    )
    figure = plot_significance(result)
    assert drawn_threshold(figure) is None
    assert "decided by max-T, not on these p-values" in told(figure)
    assert points(axes_of(figure, "volcano"))[True][:, 1].tolist() == [2, 1]


def test_p_values_are_counted_in_twenty_bins_beside_the_uniform_expectation():
    heights = mixed_heights()
    figure = plot_significance(result_of(heights))
    axes = axes_of(figure, "p-values")
    counts = Counter(int(p_value * 20) for p_value in 10**-heights)
    assert [bar.get_height() for bar in axes.patches] == [counts[place] for place in range(20)]
    assert [bar.get_x() for bar in axes.patches] == pytest.approx(np.arange(20) * 0.05)
    assert line_of(axes, "uniform").get_ydata()[0] == 180 / 20
    assert f"{np.mean(10**-heights < 0.05):.0%} of p-values below .05" in told(figure)


@pytest.mark.parametrize(
    ("small", "told_share"), [(0, "0%"), (1, "0.2%"), (20, "5%"), (398, "99.5%"), (400, "100%")]
)
def test_nearly_all_p_values_are_not_told_as_all(small, told_share):
    heights = np.where(np.arange(400) < small, 2.0, 0.1)
    assert f"{told_share} of p-values below .05" in told(plot_significance(result_of(heights)))


def test_a_p_value_of_one_is_counted():
    axes = axes_of(plot_significance(result_of([0.0, 0.0, 5.0])), "p-values")
    assert axes.patches[-1].get_height() == 2


def test_permuted_and_observed_scores_are_densities_on_the_same_bins():
    rng = np.random.default_rng(1)
    null = NullScores("shared", tuple(rng.normal(0.6, 0.01, size=500).tolist()))
    result = result_of(mixed_heights(), null=null, significance="permutation", heldout=False)
    figure = plot_significance(result)
    outlines = [patch.get_xy() for patch in axes_of(figure, "null").patches if not patch.get_fill()]
    assert len(outlines) == 2
    observed = np.array([one.statistic for one in result.explanations[:-1]])
    for outline, scores in zip(outlines, (null.scores, observed), strict=True):
        edges = np.unique(outline[:, 0])
        expected = np.histogram(scores, edges, density=True)[0]
        assert outline[:, 1].max() == pytest.approx(expected.max())
        assert expected @ np.diff(edges) == pytest.approx(1)
    assert np.array_equal(np.unique(outlines[0][:, 0]), np.unique(outlines[1][:, 0]))
    assert "500 permuted searches" in told(figure)
    assert "the smallest p of 999 permutations" not in told(figure)


def test_the_resolution_of_permutations_is_drawn_where_it_is_reached():
    null = NullScores("sample", (0.6, 0.61))
    heights = [3.0, 3.0, 0.2]
    result = result_of(heights, null=null, significance="permutation", heldout=False)
    assert "the smallest p of 999 permutations" in told(plot_significance(result))


@pytest.mark.parametrize(
    ("sign", "expected"),
    [("positive", "AUC"), ("negative", "1 − AUC"), ("absolute_value", "|AUC − ½|")],
)
def test_the_statistic_is_named_by_the_sign(sign, expected):
    permuted = {"null": NullScores("shared", (0.6, 0.61)), "significance": "permutation"}
    figure = plot_significance(result_of([1, 2], heldout=False, sign=sign, **permuted))
    assert axes_of(figure, "null").get_xlabel() == f"best score of the search: {expected}"


def test_the_statistic_of_folds_is_what_they_combine_to():
    permuted = {"null": NullScores("shared", (0.6, 0.61)), "significance": "permutation"}
    folds = {"n_folds": 5, "fold_combination": "stouffer"}
    figure = plot_significance(result_of([1, 2], **permuted, **folds))
    assert axes_of(figure, "null").get_xlabel() == "Stouffer's z of the folds"
    assert "permutation with 5 folds (stouffer)" in told(figure)


@pytest.mark.parametrize("sign", ["positive", "negative", "absolute_value"])
def test_without_permutations_searched_and_held_out_auc_are_compared(sign):
    heights = mixed_heights(20)
    effects = 0.5 + 0.4 * heights / 9 * (-1 if sign == "negative" else 1)
    effects = np.where(np.arange(60) % 2, effects, 1 - effects) if sign[0] == "a" else effects
    result = result_of(heights, effects, sign=sign)
    figure = plot_significance(result)
    drawn = points(axes_of(figure, "promise"))
    got = sorted(np.concatenate([drawn[True], drawn[False]]).tolist())
    expected = sorted([one.auc, one.heldout_auc] for one in result.explanations[:-1])
    assert got == expected
    x, y = line_of(axes_of(figure, "promise"), "identity").get_data()
    assert np.array_equal(x, y)
    # Held-out AUCs are 2% lower, which favours labels that claim low activations.
    change = "farther from" if sign == "negative" else "nearer to"
    if sign != "absolute_value":
        assert f"{np.median(0.02 * effects):.3f} {change} ½" in told(figure)


def test_in_sample_p_values_are_said_to_be_no_evidence():
    figure = plot_significance(result_of([1, 9], significance="in_sample", heldout=False))
    assert told(figure).count("no valid evidence") == 2
    assert "1 of 3 neurons looks significant in-sample" in told(figure)
    assert "in-sample" in axes_of(figure, "volcano").get_ylabel()
    assert sum(bar.get_height() for bar in axes_of(figure, "searched").patches) == 2


def test_permutation_p_values_without_kept_scores_are_no_in_sample_ones():
    figure = plot_significance(result_of([1, 9], significance="permutation", heldout=False))
    assert axes_of(figure, "searched").patches
    assert "no valid evidence" not in told(figure)


def test_header_tells_counts_and_method():
    figure = plot_significance(result_of([0.1, 0.2, 9, 8], n_folds=2, fold_combination="minimum"))
    assert "2 of 5 neurons have a significant label" in told(figure)
    assert "4 tested" in told(figure)
    assert "significance: holdout with 2 folds (minimum)" in told(figure)
    assert "correction: holm, alpha 0.05" in told(figure)


def test_neurons_without_a_p_value_are_left_out():
    with_p = result_of([4.0, 0.3])
    lost = Explanation(None, 7, 0, ic.Formula.concept("lost"), 1, auc=0.99, heldout_auc=math.nan)
    second = Explanation(
        None, 0, 1, ic.Formula.concept("second"), 1, auc=0.9, log10_p=-50.0, p_value=1e-50
    )
    result = ic.LabelingResult((*with_p.explanations, lost, second), with_p.settings)
    drawn = points(axes_of(plot_significance(result), "volcano"))
    assert drawn[True][:, 1].tolist() == [4.0]
    assert drawn[False][:, 1].tolist() == [0.3]


def test_labels_without_held_out_auc_have_no_place_on_its_axis_and_are_counted():
    result = result_of([4.0, 0.3, 0.0])
    *tested, rare, set_aside = result.explanations
    rare = replace(rare, auc=0.99, heldout_auc=math.nan)
    figure = plot_significance(ic.LabelingResult((*tested, rare, set_aside), result.settings))
    assert [len(drawn) for drawn in points(axes_of(figure, "volcano")).values()] == [1, 1]
    assert axes_of(figure, "volcano").get_xlim()[1] < 0.95
    assert "1 significant" in told(figure)
    assert "1 not significant" in told(figure)
    assert "1 not drawn: no held-out AUC" in told(figure)
    assert "not drawn" not in told(plot_significance(result_of([4.0, 0.3], heldout=False)))


def test_labels_that_are_not_drawn_are_not_named():
    result = result_of([4.0, 5.0])
    first, second, set_aside = result.explanations
    first = replace(first, formula=ic.Formula.concept("drawn"))
    lost = replace(second, formula=ic.Formula.concept("lost"), heldout_auc=math.nan)
    figure = plot_significance(ic.LabelingResult((first, lost, set_aside), result.settings))
    assert "drawn" in told(figure).splitlines()
    assert "lost" not in told(figure)


def test_huge_evidence_stays_readable():
    heights = np.concatenate([mixed_heights(), [800, 5000]])
    figure = plot_significance(result_of(heights))
    axes = axes_of(figure, "volcano")
    low, high = axes.get_ylim()
    assert low < 0 < 5000 < high
    assert "logarithmic above 10" in axes.get_ylabel()
    ticks = [text.get_text() for text in axes.get_yticklabels()]
    assert {"0", "5", "10", "100", "1,000"} <= set(ticks)
    place = axes.transAxes.inverted().transform(
        axes.transData.transform([(0, drawn_threshold(figure))])
    )
    assert 0.05 < place[0, 1] < 0.5
    assert (
        "logarithmic" not in axes_of(plot_significance(result_of([1, 30])), "volcano").get_ylabel()
    )


def test_the_best_distinct_significant_labels_are_named():
    heights = np.array([9.0, 8, 7, 6, 5, 4.5, 4.4, 4.3, 4.2, 4.1, 0.1])
    figure = plot_significance(result_of(heights))
    assert {text.get_text() for text in named(figure)} == {f"concept-{n}" for n in range(8)}


def test_dollars_are_text_and_endless_names_are_cut(tmp_path):
    with_p = result_of([9.0, 8.0])
    names = ["cost $5$ & $x", "x" * 300]
    explanations = [
        Explanation(
            None, n, 0, ic.Formula.concept(name), 1, 0.9, 0.9, p_value=1e-9, log10_p=-9.0,
            significant=True,
        )
        for n, name in enumerate(names)
    ]  # fmt: skip
    figure = plot_significance(ic.LabelingResult(tuple(explanations), with_p.settings))
    figure.savefig(tmp_path / "figure.png")
    assert '"cost $5$ & $x"' in told(figure)
    assert "xxx…" in told(figure)
    assert axes_of(figure, "volcano").bbox.width > 0.4 * 8.3 * figure.dpi


@pytest.mark.parametrize("sign", ["negative", "absolute_value"])
def test_labels_of_low_activations_are_named_on_the_left(sign):
    figure = plot_significance(result_of([9.0, 8.0, 0.1], [0.1, 0.9, 0.5], sign=sign))
    axes = axes_of(figure, "volcano")
    figure.canvas.draw()
    sides = {}
    for text in named(figure):
        box = extent(text)
        assert box.x1 <= axes.bbox.x0 + 1 or box.x0 >= axes.bbox.x1 - 1
        sides[text.get_text()] = "left" if box.x1 <= axes.bbox.x0 + 1 else "right"
    assert sides == {"concept-0": "left", "concept-1": "right"}


KINDS = {
    "held out": {},
    "huge": {"heights": np.concatenate([mixed_heights() * 20, [5000]])},
    "few": {"heights": [9.0, 0.1]},
    "one": {"heights": [1.3]},
    "noise": {"heights": np.linspace(0, 1.5, 50)},
    "same": {"heights": [3.0] * 12, "effects": [0.8] * 12},
    "negative": {"effects": np.linspace(0.02, 0.6, 180), "sign": "negative"},
    "both": {"effects": np.linspace(0.02, 0.98, 180), "sign": "absolute_value"},
    "ceiling": {
        "heights": np.minimum(mixed_heights(), 3.0),
        "null": NullScores("shared", (0.6, 0.62, 0.7)),
        "significance": "permutation",
        "heldout": False,
    },
    "max-T": {"significant": np.arange(180) > 90, "correction": "westfall_young_raw"},
    "in-sample": {"significance": "in_sample", "heldout": False},
    "folds": {"n_folds": 10, "fold_combination": "forward_stouffer", "correction": "fdr_tsbky"},
}


@pytest.mark.parametrize("kind", KINDS)
def test_texts_stay_on_the_figure_and_do_not_overlap(kind):
    figure = plot_significance(result_of(**{"heights": mixed_heights(), **KINDS[kind]}))
    figure.canvas.draw()
    texts = list(figure.texts)
    for axes in figure.axes:
        texts += [*axes.texts, axes.xaxis.label, axes.yaxis.label]
        for axis in (axes.xaxis, axes.yaxis):
            low, high = sorted(axis.get_view_interval())
            texts += [
                tick.label1 for tick in axis.get_major_ticks() if low <= tick.get_loc() <= high
            ]
    boxes = [(text.get_text(), extent(text)) for text in texts if text.get_text()]
    for words, box in boxes:
        assert figure.bbox.x0 <= box.x0 <= box.x1 <= figure.bbox.x1, words
        assert figure.bbox.y0 <= box.y0 <= box.y1 <= figure.bbox.y1, words
    for (words, box), (others, other) in combinations(boxes, 2):
        assert not box.overlaps(other), (words, others)


def extent(text: Text) -> Bbox:
    """Where a text is, without the line that joins it to its point."""
    return Text.get_window_extent(text)


def test_lines_from_labels_to_points_do_not_cross():
    heights = np.minimum(mixed_heights(), 3.0)
    rng = np.random.default_rng(3)
    figure = plot_significance(result_of(heights, rng.uniform(0.6, 0.9, size=180), alpha=0.5))
    axes = axes_of(figure, "volcano")
    figure.canvas.draw()
    ends = [
        (axes.transData.transform(text.xy), axes.transAxes.transform(text.get_position()))
        for text in named(figure)
    ]
    assert len(ends) == 8
    for (a, b), (c, d) in combinations(ends, 2):
        assert not (side(a, b, c) * side(a, b, d) < 0 and side(c, d, a) * side(c, d, b) < 0)


def side(start, end, point) -> float:
    return float(np.cross(np.append(end - start, 0), np.append(point - start, 0))[2])


def test_results_without_a_test_are_refused():
    untested = ic.LabelingResult(
        (Explanation(None, 0, 0, ic.Formula.concept("a"), 1, auc=0.7),),
        {**SETTINGS, "significance": None, "heldout": None},
    )
    with pytest.raises(ValueError, match=r"result has no neuron with a p-value .*None"):
        plot_significance(untested)
    with pytest.raises(ValueError, match="result has no neuron with a p-value"):
        untested.plot_significance()


def test_figure_is_written_without_pyplot(tmp_path):
    sys.modules.pop("matplotlib.pyplot", None)
    result_of([4.0, 0.3]).plot_significance().savefig(tmp_path / "figure.png")
    assert "matplotlib.pyplot" not in sys.modules
    assert (tmp_path / "figure.png").stat().st_size > 10_000
