"""The command line of a labelling as a file keeps it, which anybody may have written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from invert_captum._validation import shown

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class SavedCommand:
    """What the page of a labelling needs of the command ``label``; none of it has been trusted.

    Attributes:
        spec: The model.
        layers: Its labelled layers.
        weights: The file of its state dict, or None.
        folder: The folder of the pictures.
        preprocess: The function from a picture to a tensor, or None.
        image_size: Side in pixels, or None.
        batch_size: How many pictures went through the model at once.
    """

    spec: str
    layers: tuple[str, ...]
    weights: str | None
    folder: str
    preprocess: str | None
    image_size: int | None
    batch_size: int

    @classmethod
    def of(cls, command: Mapping[str, Any]) -> SavedCommand:
        """Check the types of a command that was read from a file.

        Raises:
            ValueError: If something lacks, or is not what ``label`` writes.

        Examples:
            >>> SavedCommand.of({"spec": 3})
            Traceback (most recent call last):
                ...
            ValueError: the saved command has spec 3 (int); expected what invert-captum label writes
        """
        layers = command.get("layers")
        is_known = {
            "spec": _is_text(command.get("spec")),
            "layers": isinstance(layers, (list, tuple)) and all(map(_is_text, layers)),
            "weights": _is_text(command.get("weights"), or_none=True),
            "folder": _is_text(command.get("folder")),
            "preprocess": _is_text(command.get("preprocess"), or_none=True),
            "image_size": command.get("image_size") is None or _is_size(command["image_size"]),
            "batch_size": _is_size(command.get("batch_size")),
        }
        for name, holds in is_known.items():
            if not holds:
                raise ValueError(
                    f"the saved command has {name} {shown(command.get(name))}; expected what "
                    "invert-captum label writes"
                )
        values = {name: command.get(name) for name in is_known}
        return cls(**{**values, "layers": tuple(layers or ())})  # type: ignore[arg-type]


def _is_text(value: object, *, or_none: bool = False) -> bool:
    return isinstance(value, str) or (or_none and value is None)


def _is_size(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1
