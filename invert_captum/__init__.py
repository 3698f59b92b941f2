"""What each neuron of a PyTorch model stands for, how sure that is, and where it fired.

Public names are resolved when first used (PEP 562), so ``import invert_captum`` is instant and
loads neither torch nor pandas nor matplotlib.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from invert_captum._log import InvertCaptumWarning
from invert_captum._version import __version__

if TYPE_CHECKING:
    from invert_captum.activations.store import ActivationStore
    from invert_captum.concepts import ConceptSet, shuffled
    from invert_captum.labeler import NeuronConceptLabeler
    from invert_captum.labeling import concept_auc, label_neurons
    from invert_captum.result import Explanation, LabelingResult
    from invert_captum.search import Formula
    from invert_captum.significance import required_positives

__all__ = [
    "ActivationStore",
    "ConceptSet",
    "Explanation",
    "Formula",
    "InvertCaptumWarning",
    "LabelingResult",
    "NeuronConceptLabeler",
    "__version__",
    "concept_auc",
    "label_neurons",
    "required_positives",
    "shuffled",
]

_HOME = {
    "ActivationStore": "activations.store",
    "ConceptSet": "concepts",
    "Explanation": "result",
    "Formula": "search",
    "LabelingResult": "result",
    "NeuronConceptLabeler": "labeler",
    "concept_auc": "labeling",
    "label_neurons": "labeling",
    "required_positives": "significance",
    "shuffled": "concepts",
}
_SUBMODULES = frozenset(
    {
        "activations",
        "alignment",
        "attr",
        "concepts",
        "demo",
        "report",
        "search",
        "significance",
    }
)


def __getattr__(name: str) -> object:
    if name in _HOME:
        value: object = getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
        globals()[name] = value
        return value
    if name in _SUBMODULES:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*__all__, *_SUBMODULES})
