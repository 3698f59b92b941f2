"""Which neuron of which layer a call means, and how its activations were last extracted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from invert_captum.activations import Reducer


def choose_neuron(neuron_selector: object, layers: Iterable[str]) -> tuple[str, Any]:
    """Return layer name and column that ``neuron_selector`` means.

    Args:
        neuron_selector: A column, if there is one layer; else the name of the layer and a column.
        layers: Names of the layers.

    Raises:
        TypeError: there are several layers, and none is named.
        ValueError: there is no layer of this name.

    Examples:
        >>> choose_neuron(3, ["conv"]), choose_neuron(("conv", 3), ["conv", "head"])
        (('conv', 3), ('conv', 3))
    """
    known = list(layers)
    if (
        isinstance(neuron_selector, tuple)
        and len(neuron_selector) == 2
        and isinstance(neuron_selector[0], str)
    ):
        if neuron_selector[0] not in known:
            raise ValueError(
                f"neuron_selector names layer {neuron_selector[0]!r}; expected one of {known}"
            )
        return neuron_selector
    if len(known) > 1:
        raise TypeError(
            f"neuron_selector is {neuron_selector!r}; expected a layer name and a neuron, such as "
            f"{(known[0], 0)}, because there are {len(known)} layers"
        )
    return known[0], neuron_selector


def as_extracted(
    settings: Mapping[str, Any], reduce: Reducer | None, neuron_dim: int | None
) -> dict[str, Any]:
    """Return arguments of `attribute_neuron` that look at the layer as the last extraction did.

    Args:
        settings: Arguments of the extraction: ``reduce``, ``neuron_dim`` and
            ``attribute_to_layer_input``.
        reduce: What the caller asked for. None: as in the extraction.
        neuron_dim: What the caller asked for. None: as in the extraction.

    Examples:
        >>> as_extracted({"reduce": "max", "neuron_dim": 2}, None, None)
        {'reduce': 'max', 'neuron_dim': 2}
        >>> as_extracted({"reduce": "max", "attribute_to_layer_input": True}, "mean", None)
        {'reduce': 'mean', 'neuron_dim': None, 'attribute_to_neuron_input': True}
    """
    chosen = settings["reduce"] if reduce is None else reduce
    if neuron_dim is None and not callable(chosen):
        neuron_dim = settings.get("neuron_dim")
    arguments = {"reduce": chosen, "neuron_dim": neuron_dim}
    if settings.get("attribute_to_layer_input"):
        arguments["attribute_to_neuron_input"] = True
    return arguments
