"""The methods that are asked where the object of a class lies, and what each of them is given."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import torch
from captum.attr import (
    GuidedBackprop,
    GuidedGradCam,
    InputXGradient,
    IntegratedGradients,
    LayerAttribution,
    LayerGradCam,
    Occlusion,
    Saliency,
)
from torch import Tensor
from torchvision.transforms.functional import gaussian_blur

from benchmarks.localization_of_objects.guided_copy import guided_copy
from invert_captum.activations.layers import resolve_layers
from invert_captum.attr.feature_inversion.guided_feature_inversion import GuidedFeatureInversion
from invert_captum.demo.network import BATCH_SIZE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import nn

Attribute = Callable[["nn.Module", Tensor, Tensor], Tensor]

LAST_BLOCK, POOLING = "_blocks.15", "_avg_pooling"
N_STEPS = 50

WINDOW, STRIDE = 32, 16
# About a ninth of an object's side: joins the single pixels of a gradient, keeps the object's form.
SMOOTHING = 11.0


@dataclass(frozen=True)
class Method:
    """A method that maps a picture's pixels to what they say for a class.

    Attributes:
        name: What the tables call it.
        attribute: Maps a network, pictures (n, 3, 224, 224) and classes (n,) to maps
            (n, 224, 224); whatever it does to the network is undone.
        slow: Whether it takes more than ten forward-backward passes, and sees some queries only.
        guided: Whether it needs a `guided_copy` of the network.
    """

    name: str
    attribute: Attribute
    slow: bool = False
    guided: bool = False

    def of(self, network: nn.Module, inputs: Tensor) -> Callable[[Tensor, Tensor], Tensor]:
        """Return the method for one network, which inputs show to a copy if there is to be one."""
        seen = guided_copy(network, inputs) if self.guided else network
        return functools.partial(self.attribute, seen)


def blurred(pictures: Tensor, sigma: float) -> Tensor:
    """Return pictures (n, c, height, width) after a Gaussian blur with reflected edges."""
    width, sigmas = 2 * round(3 * sigma) + 1, [sigma, sigma]
    # One axis after the other, which is the same, and much faster.
    across = gaussian_blur(pictures, [width, 1], sigmas)
    down: Tensor = gaussian_blur(across, [1, width], sigmas)
    return down


def over_colours(attributions: Tensor) -> Tensor:
    """Return the sums over the colours, (n, height, width)."""
    return attributions.detach().sum(dim=1)


def centre(network: nn.Module, inputs: Tensor, targets: Tensor) -> Tensor:  # noqa: ARG001
    """Return maps that fall off from 1 in the middle to 0 in the corners."""
    height, width = inputs.shape[2:]
    down, right = torch.linspace(-1, 1, height), torch.linspace(-1, 1, width)
    distance = torch.hypot(down[:, None], right[None, :])
    return (1 - distance / distance.max()).expand(len(inputs), height, width)


def saliency(network: nn.Module, inputs: Tensor, targets: Tensor) -> Tensor:
    """Return the sums of absolute gradients."""
    return over_colours(Saliency(network).attribute(inputs, targets))


def smooth_saliency(network: nn.Module, inputs: Tensor, targets: Tensor) -> Tensor:
    """Return the sums of absolute gradients, blurred."""
    return blurred(saliency(network, inputs, targets)[:, None], SMOOTHING)[:, 0]


def input_x_gradient(network: nn.Module, inputs: Tensor, targets: Tensor) -> Tensor:
    """Return Captum's InputXGradient."""
    return over_colours(InputXGradient(network).attribute(inputs, targets))


def absolute_input_x_gradient(network: nn.Module, inputs: Tensor, targets: Tensor) -> Tensor:
    """Return the sums of the absolute values of Captum's InputXGradient."""
    return over_colours(InputXGradient(network).attribute(inputs, targets).abs())


def integrated_gradients(network: nn.Module, inputs: Tensor, targets: Tensor) -> Tensor:
    """Return Captum's IntegratedGradients from a grey picture."""
    method = IntegratedGradients(network)
    found = method.attribute(
        inputs, target=targets, n_steps=N_STEPS, internal_batch_size=BATCH_SIZE
    )
    return over_colours(found)


def guided_backprop(network: nn.Module, inputs: Tensor, targets: Tensor) -> Tensor:
    """Return Captum's GuidedBackprop of a network whose activation functions are ReLU."""
    return over_colours(GuidedBackprop(network).attribute(inputs, targets))


def guided_grad_cam(network: nn.Module, inputs: Tensor, targets: Tensor) -> Tensor:
    """Return Captum's GuidedGradCam, the grid of the last block up-sampled bilinearly."""
    method = GuidedGradCam(network, _layer(network, LAST_BLOCK))
    return over_colours(method.attribute(inputs, targets, interpolate_mode="bilinear"))


def grad_cam(network: nn.Module, inputs: Tensor, targets: Tensor) -> Tensor:
    """Return Captum's LayerGradCam at the last block, up-sampled bilinearly."""
    return _grad_cam_of(network, network, inputs, targets)


def grad_cam_of_probability(network: nn.Module, inputs: Tensor, targets: Tensor) -> Tensor:
    """Return the same of the class's probability, in the place of its logit."""
    return _grad_cam_of(lambda pictures: network(pictures).softmax(1), network, inputs, targets)


def _grad_cam_of(
    forward: Callable[[Tensor], Tensor], network: nn.Module, inputs: Tensor, targets: Tensor
) -> Tensor:
    method = LayerGradCam(forward, _layer(network, LAST_BLOCK))
    found = method.attribute(inputs, targets, relu_attributions=True)
    size = tuple(inputs.shape[2:])
    return over_colours(LayerAttribution.interpolate(found, size, interpolate_mode="bilinear"))


def occlusion(network: nn.Module, inputs: Tensor, targets: Tensor) -> Tensor:
    """Return Captum's Occlusion by grey squares over all colours."""
    colours = inputs.shape[1]
    found = Occlusion(network).attribute(
        inputs,
        sliding_window_shapes=(colours, WINDOW, WINDOW),
        strides=(colours, STRIDE, STRIDE),
        target=targets,
        # Each of these is a batch of all pictures.
        perturbations_per_eval=max(1, BATCH_SIZE // len(inputs)),
    )
    return over_colours(found)


def inversion(
    name: str, mask_layer: str = POOLING, inversion_layer: str = LAST_BLOCK, **options: Any
) -> Method:
    """Return `GuidedFeatureInversion` with its channels from the input of ``_avg_pooling``.

    Args:
        name: Of the method.
        mask_layer: ``"_avg_pooling"`` stands for its input, any other layer for its output.
        inversion_layer: Its output is inverted.
        **options: Of ``attribute``.
    """

    def attribute(network: nn.Module, inputs: Tensor, targets: Tensor) -> Tensor:
        return inverted(network, inputs, targets, mask_layer, inversion_layer, **options)

    return Method(name, attribute, slow=True)


def inverted(
    network: nn.Module,
    inputs: Tensor,
    targets: Tensor | None,
    mask_layer: str = POOLING,
    inversion_layer: str = LAST_BLOCK,
    **options: Any,
) -> Tensor:
    """Return the masks (n, 224, 224) of `GuidedFeatureInversion`; arguments as in `inversion`."""
    method = GuidedFeatureInversion(network, inversion_layer, mask_layer)
    at_input = mask_layer == POOLING
    found = method.attribute(inputs, targets, attribute_to_layer_input=at_input, **options)
    if not isinstance(found, Tensor):
        raise TypeError("one input gives one mask")
    return found.detach()[:, 0]


def without_class(network: nn.Module, inputs: Tensor, targets: Tensor) -> Tensor:  # noqa: ARG001
    """Return the masks of stage 1 alone, which knows no class."""
    return inverted(network, inputs, None)


def averaged(name: str, methods: Sequence[Method]) -> Method:
    """Return the method that gives the mean map of others."""

    def attribute(network: nn.Module, inputs: Tensor, targets: Tensor) -> Tensor:
        return torch.stack([one.attribute(network, inputs, targets) for one in methods]).mean(0)

    return Method(name, attribute, slow=any(one.slow for one in methods))


def _layer(network: nn.Module, name: str) -> nn.Module:
    return resolve_layers(network, name)[name]


INVERSION = "GuidedFeatureInversion"
NO_CLASS = f"{INVERSION}, stage 1"
AT_LAST_BLOCK = f"{INVERSION}, l1 = {LAST_BLOCK}"
CENTRE, SALIENCY, INPUT_X_GRADIENT = "centre", "Saliency", "InputXGradient"
METHODS = (
    inversion(INVERSION),
    inversion(AT_LAST_BLOCK, LAST_BLOCK),
    Method(NO_CLASS, without_class),
    Method(CENTRE, centre),
    Method(SALIENCY, saliency),
    Method("Saliency, blurred", smooth_saliency),
    Method(INPUT_X_GRADIENT, input_x_gradient),
    Method("InputXGradient, absolute", absolute_input_x_gradient),
    Method("IntegratedGradients", integrated_gradients, slow=True),
    Method("GuidedBackprop", guided_backprop, guided=True),
    Method("GuidedGradCam", guided_grad_cam, guided=True),
    Method("LayerGradCam", grad_cam),
    Method("LayerGradCam, probability", grad_cam_of_probability),
    Method("Occlusion", occlusion, slow=True),
)


def chosen_methods(subject: str, only: Sequence[str] | None) -> list[Method]:
    """Return the method that others are held against, which sees all queries, and these others.

    Args:
        subject: Its name.
        only: Names of the others; None for all.
    """
    (first,) = (one for one in METHODS if one.name == subject)
    rest = (one for one in METHODS if one.name != subject and (only is None or one.name in only))
    return [replace(first, slow=False), *rest]
