"""A prediction's change split over the neurons of a layer, whatever their labels are."""

from __future__ import annotations

from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from captum.attr import LayerIntegratedGradients
from torch import Tensor, nn

from invert_captum.activations.evaluation import evaluating
from invert_captum.activations.probes import probing
from invert_captum.activations.reducers import (
    REDUCER_NAMES,
    neurons_first,
    position_index,
)
from invert_captum.attr.activation_functions.activation_rules import (
    rule_of,
    with_activation_modules,
)
from invert_captum.attr.contribution.layer_methods import LayerMethod, Steps, layer_attribution
from invert_captum.attr.fresh_arguments import fresh
from invert_captum.attr.neuron_methods.layer_map import out_of_place
from invert_captum.attr.prediction import (
    ChosenTarget,
    Target,
    plain_target,
    predicted_target,
    target_output,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from invert_captum.attr.layer_shape import ReducedLayer


@dataclass(frozen=True)
class LayerParts:
    """A prediction's change, split over the neurons of a layer; all float64 on the CPU.

    Attributes:
        neurons: Shape (n, d).
        total: What all neurons and positions together contribute, shape (n,).
        prediction: Shape (n,).
        baseline_prediction: What it is compared with, shape (n,).
        target: The target that was attributed to.
    """

    neurons: Tensor
    total: Tensor
    prediction: Tensor
    baseline_prediction: Tensor
    target: Target

    @classmethod
    def joined(cls, parts: Sequence[LayerParts], target: ChosenTarget) -> LayerParts:
        """Return the parts of several groups of samples, whose ``target`` was cut along."""
        if isinstance(target, str):
            target = torch.cat([torch.as_tensor(one.target) for one in parts])
        return cls(
            torch.cat([one.neurons for one in parts]),
            torch.cat([one.total for one in parts]),
            torch.cat([one.prediction for one in parts]),
            torch.cat([one.baseline_prediction for one in parts]),
            target,
        )


def split_prediction(
    site: ReducedLayer,
    method: LayerMethod,
    steps: Steps,
    inputs: tuple[Tensor, ...],
    baselines: tuple[Tensor, ...],
    *,
    target: ChosenTarget = None,
    additional_forward_args: tuple[object, ...] = (),
) -> LayerParts:
    """Split the change of a prediction over the neurons of a layer.

    A neuron contributes the sum of the attributions over its positions; with a reduction that
    picks one position (``"first"``, ``"last"``, ``"center"``) the attribution there.

    Args:
        site: The layer; ``reduce`` may be the name of a function that is not at hand.
        method: The method.
        steps: How a path is cut.
        inputs: On the device of the model.
        baselines: Tensors of the same shapes.
        target: As in `target_output`, or ``"predicted"`` for each sample's own class.
        additional_forward_args: Further arguments of the model.

    Raises:
        TypeError: the layer or the model does not give a tensor.
        ValueError: the layer does not run once, gives several tensors or not a row per sample; a
            further argument has no row per sample, which Captum would repeat as it repeats samples;
            positions were reduced by a function; a target lies outside of the output, or has no
            gradient by the layer; DeepLIFT has no rule for an activation function behind the layer,
            or the layer is the model itself.
    """
    # Captum needs gradients, whatever the caller has switched off.
    with torch.inference_mode(mode=False), evaluating(site.model):
        output, activations = _observe(site, fresh((*inputs, *additional_forward_args)))
        _check_rows(site, method, activations, len(inputs[0]), additional_forward_args)
        position = _position(site, activations)
        chosen = predicted_target(output) if isinstance(target, str) else target
        prediction = target_output(output, chosen)
        with torch.no_grad(), nullcontext() if method.from_baselines else _layer_at_zero(site):
            start = baselines if method.from_baselines else inputs
            reference = target_output(
                site.model(*fresh((*start, *additional_forward_args))), chosen
            )
        reached = _within_reach(site, method, inputs, additional_forward_args)
        in_place = method.attribution is LayerIntegratedGradients
        with out_of_place(reached) if in_place else nullcontext():
            attribution = layer_attribution(
                method,
                reached.model,
                reached.layer,
                fresh(inputs),
                fresh(baselines),
                steps=steps,
                device_ids=site.device_ids,
                target=plain_target(chosen),
                additional_forward_args=fresh(additional_forward_args) or None,
                attribute_to_layer_input=site.at_input,
            )
    return LayerParts(
        _by_neuron(site, attribution, position),
        _wide(attribution).reshape(len(attribution), -1).sum(1),
        _wide(prediction),
        _wide(reference),
        chosen,
    )


def _check_rows(
    site: ReducedLayer,
    method: LayerMethod,
    activations: Tensor,
    n_samples: int,
    additional_forward_args: tuple[object, ...],
) -> None:
    if len(activations) != n_samples:
        raise ValueError(
            f"layer {site.name!r} {'gets' if site.at_input else 'gives'} {len(activations)} rows "
            f"for {n_samples} samples; expected one each"
        )
    for one in additional_forward_args if method.from_baselines else ():
        if isinstance(one, Tensor) and one.ndim and len(one) != n_samples:
            raise ValueError(
                f"additional_forward_args has a tensor of shape {tuple(one.shape)} for {n_samples} "
                f"samples, which {method.name} would repeat as it repeats samples; expected one "
                "row per sample, or LayerGradientXActivation"
            )


def _within_reach(
    site: ReducedLayer,
    method: LayerMethod,
    inputs: tuple[Tensor, ...],
    additional_forward_args: tuple[object, ...],
) -> ReducedLayer:
    """Return the layer where the rules of ``method`` reach all activation functions behind it."""
    rule = rule_of(method.attribution)
    if rule is None:
        return site
    if site.layer is site.model and not site.at_input:
        raise ValueError(
            f"layer is the model itself, behind which {method.name} has no rules; expected a "
            "module inside it, or LayerConductance or LayerIntegratedGradients"
        )
    return with_activation_modules(rule, site, fresh(inputs), fresh(additional_forward_args))


def _observe(site: ReducedLayer, arguments: tuple[object, ...]) -> tuple[object, Tensor]:
    """Run the model once; return what it gives and what the layer gives (or gets)."""
    seen: list[Tensor] = []

    def see(output: object) -> Tensor:
        tensor = _one_tensor(site, output)
        seen.append(tensor)
        return tensor.reshape(len(tensor), -1)

    with (
        torch.no_grad(),
        _positional_only(site),
        probing({site.name: site.layer}, see, at_input=site.at_input) as probes,
    ):
        output = site.model(*arguments)
        probes[0].check_calls()
    return output, seen[0]


def _one_tensor(site: ReducedLayer, output: object) -> Tensor:
    only = output[0] if isinstance(output, tuple) and len(output) == 1 else output
    if not isinstance(only, Tensor):
        inside = f" of {len(output)}" if isinstance(output, (tuple, list, dict)) else ""
        raise TypeError(
            f"layer {site.name!r} {'gets' if site.at_input else 'gives'} "
            f"{type(output).__name__}{inside}; expected a layer with one tensor, such as a module "
            "inside it or behind it"
        )
    if not only.ndim:
        raise ValueError(f"layer {site.name!r} gives a number; expected one row per sample")
    return only


def _position(site: ReducedLayer, activations: Tensor) -> tuple[int, ...] | None:
    """Return the one position that neurons were labelled at, or None for all of them."""
    sizes = tuple(neurons_first(activations, site.neuron_dim, site.name).shape[2:])
    named = isinstance(site.reduce, str) and site.reduce in REDUCER_NAMES
    if sizes and not named:
        raise ValueError(
            f"reduce is {site.reduce!r}, a function, but layer {site.name!r} has positions "
            f"{sizes}, and which of them make a neuron is not known; expected a result of one of "
            f"{', '.join(map(repr, REDUCER_NAMES))}"
        )
    return position_index(site.reduce, sizes)


def _by_neuron(site: ReducedLayer, attribution: Tensor, position: tuple[int, ...] | None) -> Tensor:
    """Return what each neuron contributes, shape (n, d)."""
    by_position = _wide(neurons_first(attribution, site.neuron_dim, site.name))
    if position is None:
        return by_position.flatten(2).sum(-1)
    for place in position:
        by_position = by_position.select(2, place)
    return by_position


def _wide(tensor: Tensor) -> Tensor:
    """Return ``tensor`` in float64 on the CPU, where sums of many parts lose nothing."""
    return tensor.detach().to("cpu").to(torch.float64)


@contextmanager
def _layer_at_zero(site: ReducedLayer) -> Iterator[None]:
    """Set what the layer gives (or gets) to zero inside the ``with`` block."""

    def zeros(tensors: Any) -> Any:
        if isinstance(tensors, tuple):
            return tuple(torch.zeros_like(one) for one in tensors)
        return torch.zeros_like(tensors)

    if site.at_input:
        handle = site.layer.register_forward_pre_hook(lambda _, args: zeros(args))
    else:
        handle = site.layer.register_forward_hook(lambda _, __, output: zeros(output))
    try:
        yield
    finally:
        handle.remove()


@contextmanager
def _positional_only(site: ReducedLayer) -> Iterator[None]:
    """Refuse layers that get their input by name, which Captum does not see."""

    def check(_: nn.Module, args: tuple[object, ...], kwargs: dict[str, object]) -> None:
        if site.at_input and not args:
            raise ValueError(
                f"layer {site.name!r} gets {', '.join(kwargs) or 'nothing'} by name, which Captum "
                "does not see; expected attribute_to_layer_input=False"
            )

    handle = site.layer.register_forward_pre_hook(check, with_kwargs=True)
    try:
        yield
    finally:
        handle.remove()
