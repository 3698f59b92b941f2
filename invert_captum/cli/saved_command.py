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
        class_names: Of what the model gives, or None.
    """

    spec: str
    layers: tuple[str, ...]
    weights: str | None
    folder: str
    preprocess: str | None
    image_size: int | None
    batch_size: int
    class_names: tuple[str, ...] | None = None

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
        layers, names = command.get("layers"), command.get("class_names")
        is_known = {
            "spec": _is_text(command.get("spec")),
            "layers": _is_texts(layers),
            "weights": _is_text(command.get("weights"), or_none=True),
            "folder": _is_text(command.get("folder")),
            "preprocess": _is_text(command.get("preprocess"), or_none=True),
            "image_size": command.get("image_size") is None or _is_size(command["image_size"]),
            "batch_size": _is_size(command.get("batch_size")),
            "class_names": names is None or _is_texts(names),
        }
        for name, holds in is_known.items():
            if not holds:
                raise ValueError(
                    f"the saved command has {name} {shown(command.get(name))}; expected what "
                    "invert-captum label writes"
                )
        values = {name: command.get(name) for name in is_known}
        names = None if names is None else tuple(names)
        values |= {"layers": tuple(layers or ()), "class_names": names}
        return cls(**values)  # type: ignore[arg-type]


def _is_text(value: object, *, or_none: bool = False) -> bool:
    return isinstance(value, str) or (or_none and value is None)


def _is_texts(value: object) -> bool:
    return isinstance(value, (list, tuple)) and all(map(_is_text, value))


def _is_size(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1
