"""Whether a file's weights and a model's parameters are made for each other."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from invert_captum._validation import listed

if TYPE_CHECKING:
    from torch import Tensor

    from invert_captum.alignment.weights.assignments import Assignment, Source
    from invert_captum.alignment.weights.counterparts import Counterpart
    from invert_captum.alignment.weights.keras_file import KerasFile, KerasWeight

Sources = dict[str, tuple["KerasWeight", ...]]


def found_sources(assignments: list[Assignment], file: KerasFile) -> Sources:
    """Return the weights of the file for each target, or raise if some are missing."""
    missing: list[str] = []
    found: Sources = {}
    for assignment in assignments:
        weights = [_found(source, file) for source in assignment.sources]
        missing += [
            source.name
            for source, weight in zip(assignment.sources, weights, strict=True)
            if weight is None
        ]
        found[assignment.target] = tuple(weight for weight in weights if weight is not None)
    if missing:
        raise ValueError(
            f"path has no weights {listed(missing)}, which the model has parameters for; its "
            f"layers are {listed(file.layers)}"
        )
    return found


def check_targets(model: nn.Module, assignments: list[Assignment], recipe: str) -> None:
    """Raise unless every parameter and buffer of the model is assigned to, and no other."""
    # What counts the batches of training has no part in the result.
    state = {name for name in model.state_dict() if not name.endswith("num_batches_tracked")}
    targets = {assignment.target for assignment in assignments}
    if state != targets:
        raise ValueError(
            f"model has the parameters {listed(sorted(state - targets)) or 'wanted'} beyond those "
            f"of the Keras network, and lacks {listed(sorted(targets - state)) or 'none'}; "
            f"expected the model that {recipe} builds"
        )


def check_nothing_left(file: KerasFile, sources: Sources, ignored: tuple[str, ...]) -> None:
    """Raise if the file has a weight that belongs nowhere in the model."""
    used = {weight.name for weights in sources.values() for weight in weights}
    left = [weight.name for weight in file.weights if weight.name not in used | set(ignored)]
    if left:
        raise ValueError(
            f"path has the weights {listed(left)}, which have no place in the model; expected a "
            "file of the same architecture, depth and head"
        )


def check_shapes(model: nn.Module, assignments: list[Assignment], sources: Sources) -> None:
    """Raise unless every weight becomes an array of the shape of its target."""
    state = model.state_dict()
    for assignment in assignments:
        weights, target = sources[assignment.target], state[assignment.target]
        # An absurd shape in a file must not cost memory: the same views are made of nothing.
        shape = _shape(assignment, weights)
        if shape != tuple(target.shape):
            came = " and ".join(f"{weight.name} {weight.shape}" for weight in weights)
            became = shape is not None and shape != weights[0].shape
            becomes = f", which becomes {shape}" if became else ""
            raise ValueError(
                f"path has {came}{becomes}, but model.{assignment.target} is "
                f"{tuple(target.shape)}; expected the same shape"
            )


def check_settings(
    model: nn.Module,
    assignments: list[Assignment],
    sources: Sources,
    file: KerasFile,
    counterpart: Counterpart,
) -> str | None:
    """Check epsilons, strides and activations; return the head's activation, if the file tells."""
    for assignment in assignments:
        weight = sources[assignment.target][0]
        if weight.variable.rpartition("/")[2] == "gamma":
            _check_epsilon(model, assignment.target, weight, file, counterpart)
        _check_strides(model, assignment.target, weight, file)
    if file.config is None:
        return None
    head = sources[assignments[-1].target][0].layer
    found = None
    # What follows the head, as a softmax of its own, is not computed in PyTorch either.
    behind = False
    for layer in file.config.layers:
        behind = behind or layer.name == head
        activation = layer.kind.lower() if layer.kind in ("Softmax", "ReLU") else layer.activation
        if behind:
            found = activation if activation not in (None, "linear") else found
        elif activation not in (None, "linear", *counterpart.activations):
            raise ValueError(
                f"path has the activation {activation!r} in the layer {layer.name}; expected "
                f"{listed(sorted(counterpart.activations)) or 'none'}"
            )
    return found or "linear"


def converted_values(
    model: nn.Module, assignments: list[Assignment], sources: Sources
) -> dict[str, Tensor]:
    """Read the weights and return them in the order, precision and place of the model's."""
    state = model.state_dict()
    values = {}
    for assignment in assignments:
        target = state[assignment.target]
        parts = [assignment.layout.convert(weight.read()) for weight in sources[assignment.target]]
        value = torch.cat(parts).to(target)
        if not value.isfinite().all():
            raise ValueError(
                f"path has values in {sources[assignment.target][0].name} that are too large for "
                f"model.{assignment.target}, which is {target.dtype}"
            )
        values[assignment.target] = value
    return values


def _found(source: Source, file: KerasFile) -> KerasWeight | None:
    candidates = [
        weight
        for layer in source.layers
        for variable in source.variables
        if (weight := file.find(layer, variable)) is not None
    ]
    return candidates[0] if candidates else None


def _shape(assignment: Assignment, weights: tuple[KerasWeight, ...]) -> tuple[int, ...] | None:
    layout = assignment.layout
    if any(len(weight.shape) != layout.rank or 0 in weight.shape for weight in weights):
        return None
    try:
        parts = [layout.convert(torch.empty(weight.shape, device="meta")) for weight in weights]
        return tuple(torch.cat(parts).shape)
    except RuntimeError:
        return None


def _check_epsilon(
    model: nn.Module, target: str, weight: KerasWeight, file: KerasFile, counterpart: Counterpart
) -> None:
    name = target.rpartition(".")[0]
    module: Any = model.get_submodule(name)
    described = None if file.config is None else file.config.layer(weight.layer)
    batch = isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d))
    usual = counterpart.batch_epsilon if batch else counterpart.layer_epsilon
    told = None if described is None else described.epsilon
    expected = usual if told is None else told
    if expected is None or not math.isclose(float(module.eps), expected, rel_tol=1e-6):
        raise ValueError(
            f"model.{name} has eps {module.eps}, the Keras network's {weight.layer} {expected}; "
            f"expected the same, as in {counterpart.recipe}, or model.{name}.eps = {expected}"
        )


def _check_strides(model: nn.Module, target: str, weight: KerasWeight, file: KerasFile) -> None:
    name = target.rpartition(".")[0]
    module = model.get_submodule(name) if target.endswith(".weight") else None
    described = None if file.config is None else file.config.layer(weight.layer)
    if not isinstance(module, nn.Conv2d) or described is None:
        return
    for setting, ours in (("strides", module.stride), ("dilation_rate", module.dilation)):
        expected = described.settings.get(setting, list(ours))
        if expected != list(ours):
            raise ValueError(
                f"path has {setting} {expected} in the layer {weight.layer}, model.{name} has "
                f"{list(ours)}; expected the same"
            )
