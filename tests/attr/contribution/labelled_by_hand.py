"""Results whose labels were written by hand, for tests that need no labelling."""

from __future__ import annotations

from invert_captum.result import Explanation, LabelingResult
from invert_captum.search import Formula


def labelled(labels, *, layer=None, keyed=False, significant=None, extraction=None):
    """Label neuron i with the text ``labels[i]`` (None: set aside).

    ``significant`` lists the neurons whose label is; None for all that have one.
    """
    explanations = tuple(
        Explanation(
            layer=layer,
            neuron=i,
            rank=0,
            formula=None if text is None else Formula.parse(text),
            auc=0.9,
            heldout_auc=0.8 + 0.01 * i,
            significant=text is not None and (significant is None or i in significant),
        )
        for i, text in enumerate(labels)
    )
    settings = {} if extraction is None else {"extraction": extraction}
    return LabelingResult(explanations, settings, keyed_by_layer=keyed)
