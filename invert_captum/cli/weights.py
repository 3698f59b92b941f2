"""The weights that a command line names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from torch import Tensor, nn

_SHOWN_KEYS = 3


def read_state(path: Path) -> dict[str, Tensor]:
    """Return the state dict in a file, which is read as plain tensors and never as code.

    Raises:
        ValueError: If the file has another ending, is damaged, or holds anything but tensors.
        OSError: If it cannot be opened.
    """
    if not path.is_file():
        raise FileNotFoundError(f"--weights is {str(path)!r}; expected a file that exists")
    if path.suffix == ".safetensors":
        state = _read_safetensors(path)
    elif path.suffix in (".pt", ".pth"):
        state = _read_torch(path)
    else:
        raise ValueError(f"--weights is {str(path)!r}; expected .safetensors, .pt or .pth")
    if isinstance(state, dict) and isinstance(state.get("state_dict"), dict):
        state = state["state_dict"]
    return _checked_state(state, path)


def _read_safetensors(path: Path) -> Any:
    from safetensors.torch import load_file

    with path.open("rb"):
        try:
            return load_file(path)
        except Exception as error:
            # Opened before: what fails now is the content, as JSON, as numbers or as dtypes.
            raise ValueError(f"--weights {str(path)!r} is no safetensors file: {error}") from error


def _read_torch(path: Path) -> Any:
    import torch

    with path.open("rb") as file:
        try:
            return torch.load(file, map_location="cpu", weights_only=True)
        except Exception as error:
            # A damaged file can fail in any layer below: zip, struct, text, the pickle machine.
            raise ValueError(
                f"--weights {str(path)!r} is not a PyTorch file of plain tensors; expected what "
                "torch.save(model.state_dict(), path) writes"
            ) from error


def _checked_state(state: Any, path: Path) -> dict[str, Tensor]:
    import torch

    if not isinstance(state, dict) or not all(
        isinstance(key, str) and isinstance(value, torch.Tensor) for key, value in state.items()
    ):
        raise ValueError(
            f"--weights {str(path)!r} holds no state dict; expected tensors by the names of the "
            "model's parameters"
        )
    return state


def load_state(model: nn.Module, state: dict[str, Tensor], path: Path) -> None:
    """Put ``state``, which came from the file ``path``, into ``model``.

    Raises:
        ValueError: If names, shapes or layouts differ from those of the model.
    """
    own = model.state_dict()
    misfits = {
        "missing": [key for key in own if key not in state],
        "unexpected": [key for key in state if key not in own],
        "of another shape": _reshaped(own, state),
    }
    told = [f"{len(keys)} {kind} ({_some(keys)})" for kind, keys in misfits.items() if keys]
    if told:
        raise ValueError(f"--weights {str(path)!r} does not fit the model: {'; '.join(told)}")
    try:
        model.load_state_dict(state, strict=True)
    except RuntimeError as error:
        raise ValueError(
            f"--weights {str(path)!r} does not fit the model: {' '.join(str(error).split())}"
        ) from error


def _reshaped(own: Mapping[str, Tensor], state: Mapping[str, Tensor]) -> list[str]:
    return [
        f"{key} {tuple(state[key].shape)} for {tuple(own[key].shape)}"
        for key in own
        if key in state and state[key].shape != own[key].shape
    ]


def _some(keys: list[str]) -> str:
    return ", ".join(keys[:_SHOWN_KEYS]) + (", …" if len(keys) > _SHOWN_KEYS else "")
