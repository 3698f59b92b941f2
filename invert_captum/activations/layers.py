"""Which modules of the model are meant by ``layer``."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from invert_captum._validation import nearest_names

Layers = nn.Module | str | Sequence[nn.Module | str]


def resolve_layers(model: nn.Module, layer: Layers) -> dict[str, nn.Module]:
    """Return the layers of ``model`` that ``layer`` means, by dotted name, in the given order.

    Args:
        model: The model.
        layer: A module of the model, its dotted name, or a list of these. The model itself is a
            layer, too; its name is ``""``.

    Returns:
        Module by name. A module that the model holds under several names keeps the name it was
        asked for by, or the first one if it was given as a module.

    Raises:
        TypeError: ``layer`` is none of these, or ``model`` is no module.
        ValueError: the model has no such layer, the list is empty or names a layer twice.

    Examples:
        >>> model = nn.Sequential(nn.Linear(4, 3), nn.ReLU())
        >>> resolve_layers(model, ["1", model[0]])
        {'1': ReLU(), '0': Linear(in_features=4, out_features=3, bias=True)}
    """
    if not isinstance(model, nn.Module):
        raise TypeError(f"model is of type {type(model).__name__}; expected a torch.nn.Module")
    if isinstance(layer, (nn.Module, str)):
        layer = [layer]
    if not isinstance(layer, Sequence):
        raise TypeError(_unexpected_type(layer))
    if not layer:
        raise ValueError("layer is an empty list; expected at least one layer")
    resolved: dict[str, nn.Module] = {}
    for one in layer:
        name, module = _resolve(model, one)
        for earlier, known in resolved.items():
            if known is module:
                other = "" if earlier == name else f" (also as {earlier!r})"
                raise ValueError(f"layer names {name!r} twice{other}; expected each layer once")
        resolved[name] = module
    return resolved


def _resolve(model: nn.Module, layer: object) -> tuple[str, nn.Module]:
    if isinstance(layer, str):
        modules = dict(model.named_modules(remove_duplicate=False))
        if not layer or layer not in modules:
            raise ValueError(
                f"layer is {layer!r}, which {type(model).__name__} does not have; "
                f"nearest names: {nearest_names(layer, filter(None, modules))}"
            )
        return layer, modules[layer]
    if isinstance(layer, nn.Module):
        for name, module in model.named_modules():
            if module is layer:
                return name, module
        raise ValueError(
            f"layer is a {type(layer).__name__} that is not part of the "
            f"{type(model).__name__} given as model; expected one of its own modules"
        )
    raise TypeError(_unexpected_type(layer))


def _unexpected_type(layer: object) -> str:
    return (
        f"layer is of type {type(layer).__name__}; "
        "expected a torch.nn.Module, a dotted name, or a list of these"
    )
