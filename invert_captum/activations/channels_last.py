"""Maps that have their channels on the last axis, where they are taken to be on the second."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor

from invert_captum._log import warn

if TYPE_CHECKING:
    from collections.abc import Sequence

    from invert_captum.activations.batch import Batch
    from invert_captum.activations.probes import LayerProbe

_MAPS = (4, 5)


def warn_of_channels_last(probe: LayerProbe, batch: Batch) -> None:
    """Warn of a layer whose maps look channels-last, unless the axis of the neurons was given.

    Args:
        probe: Of the layer, which has seen ``batch``.
        batch: What the model was given.
    """
    shape = probe.shape
    if probe.neuron_dim is not None or shape is None:
        return
    given = [*batch.positional, *batch.keywords.values()]
    tensors = [value for value in given if isinstance(value, Tensor)]
    pictures = [one.shape[-2:] for one in tensors if one.ndim in _MAPS and one.numel()]
    if any(looks_channels_last(shape, picture) for picture in pictures):
        last = len(shape) - 1
        warn(
            f"layer {probe.name!r} gives shape {shape}, which looks like maps with channels last, "
            f"but axis 1 is taken for the neurons; give neuron_dim={last} if they are on the last "
            "axis, neuron_dim=1 if they are not"
        )


def looks_channels_last(shape: Sequence[int], picture: Sequence[int]) -> bool:
    """Return whether a shape has the proportions of a picture before its last axis alone.

    Args:
        shape: Of what a layer gives.
        picture: Height and width of what the model is given.

    Examples:
        >>> looks_channels_last((1, 7, 7, 768), (224, 224))
        True
        >>> looks_channels_last((1, 64, 64, 32), (256, 128))  # 64 channels first
        False
    """
    if len(shape) not in _MAPS:
        return False
    return _is_scaled(shape[-3:-1], picture) and not _is_scaled(shape[-2:], picture)


def _is_scaled(sizes: Sequence[int], picture: Sequence[int]) -> bool:
    # Strides round each side by less than a position.
    return abs(sizes[1] - sizes[0] * picture[1] / picture[0]) <= 1
