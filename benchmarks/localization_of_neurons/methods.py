"""The methods of Captum that are compared, and what each of them is given."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import captum.attr
import torch
from PIL import ImageColor

from invert_captum.demo.emoji import PICTURE_SIZE

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    import invert_captum as ic

Baseline = Literal["grey", "noise"]

N_STEPS = 20
N_SAMPLES = 10
N_NOISE = 10
# What is zero to the network, and how far the canvas is to be from it.
_GREY, _FAR = 127, 32
LAYER_MAP = "up-sampled layer map"
WITH_GOAL = ("NeuronGradient", "NeuronGuidedBackprop", LAYER_MAP)
"""The methods that are to find the object."""


@dataclass(frozen=True)
class Method:
    """A method and its arguments.

    Attributes:
        name: What the tables call it.
        method: The class of `captum.attr`.
        arguments: Of the class and of its ``attribute``.
        baseline: What pictures are compared with; None for a method that compares with nothing.
            ``"grey"`` is zero to the network, (127, 127, 127) of 255.
        takes_target: Whether it asks for a class, which is then the predicted one.
        slow: Whether a picture takes it several times as long as a gradient does.
    """

    name: str
    method: type
    arguments: dict[str, Any] = field(default_factory=dict)
    baseline: Baseline | None = None
    takes_target: bool = False
    slow: bool = False


METHODS = (
    Method(LAYER_MAP, captum.attr.LayerActivation, {"attribute_to_neuron_input": True}),
    Method("NeuronGradient", captum.attr.NeuronGradient),
    Method("NeuronGuidedBackprop", captum.attr.NeuronGuidedBackprop),
    Method("NeuronDeconvolution", captum.attr.NeuronDeconvolution),
    Method("NeuronDeepLift", captum.attr.NeuronDeepLift, baseline="grey", slow=True),
    Method(
        "NeuronGradientShap",
        captum.attr.NeuronGradientShap,
        {"n_samples": N_SAMPLES},
        baseline="noise",
        slow=True,
    ),
    Method(
        "NeuronIntegratedGradients",
        captum.attr.NeuronIntegratedGradients,
        {"n_steps": N_STEPS},
        baseline="grey",
        slow=True,
    ),
    Method(
        "NeuronConductance",
        captum.attr.NeuronConductance,
        {"n_steps": N_STEPS},
        baseline="grey",
        takes_target=True,
        slow=True,
    ),
    Method(
        "NeuronFeatureAblation",
        captum.attr.NeuronFeatureAblation,
        {"perturbations_per_eval": 14},
        baseline="grey",
        slow=True,
    ),
)


def baselines(kind: Baseline) -> torch.Tensor:
    """Return what pictures are compared with, none of it of the canvas's colour.

    Args:
        kind: ``"grey"`` for one grey picture, ``"noise"`` for pictures of uniform noise.

    Returns:
        Shape (1 or 10, 3, 224, 224), as the network takes pictures.
    """
    shape = (3, PICTURE_SIZE, PICTURE_SIZE)
    if kind == "grey":
        return torch.zeros(1, *shape)
    generator = torch.Generator().manual_seed(0)
    return 2 * torch.rand(N_NOISE, *shape, generator=generator) - 1


def check_colour(colour: str) -> None:
    """Refuse a canvas that is about as grey as the baseline.

    Attributions that compare with the baseline would be zero outside the objects by construction.

    Raises:
        ValueError: If it is, or if there is no such colour.
    """
    red, green, blue = ImageColor.getrgb(colour)[:3]
    if max(abs(level - _GREY) for level in (red, green, blue)) < _FAR:
        raise ValueError(
            f"colour is {colour!r}, {(red, green, blue)}; expected one that differs by {_FAR} "
            f"from the grey baseline, {(_GREY,) * 3}"
        )


def attribution_maps(
    labeler: ic.NeuronConceptLabeler,
    method: Method,
    inputs: torch.Tensor,
    neuron: int,
) -> NDArray[np.float64]:
    """Return where pictures excite a neuron, the sum over their colours.

    Args:
        labeler: Of the demo's network and layer.
        method: One of `METHODS`.
        inputs: Shape (n, 3, 224, 224).
        neuron: Column of the activations.

    Returns:
        Shape (n, 224, 224).
    """
    given = dict(method.arguments)
    if method.baseline is not None:
        given["baselines"] = baselines(method.baseline)
    if method.takes_target:
        with torch.no_grad():
            given["target"] = labeler.model(inputs).argmax(dim=1)
    torch.manual_seed(0)  # NeuronGradientShap draws.
    found = labeler.attribute(inputs, neuron, method=method.method, **given)
    if not isinstance(found, torch.Tensor):
        raise TypeError("one input gives one tensor of attributions")
    return found.sum(dim=1).double().numpy()
