"""The weights in a Keras HDF5 file: their names and shapes, and their values when asked for.

Only the numbers are read. No Keras object is built, nothing is unpickled, no code in the file runs.
"""

from __future__ import annotations

import re
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch

from invert_captum._validation import listed
from invert_captum.alignment.weights.hdf5_paths import dataset_at, group_at, members, names_at
from invert_captum.alignment.weights.keras_config import KerasConfig, read_config

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator

    from torch import Tensor

Layout = Literal["whole model", "weights", "Keras 3 weights"]

# Keras 3 numbers the variables of a layer, in the order in which its class makes them.
_NUMBERED = {
    "conv2d": ("kernel", "bias"),
    "depthwise_conv2d": ("kernel", "bias"),
    "dense": ("kernel", "bias"),
    "batch_normalization": ("gamma", "beta", "moving_mean", "moving_variance"),
    "layer_normalization": ("gamma", "beta"),
    "normalization": ("mean", "variance", "count"),
}


@dataclass(frozen=True)
class KerasWeight:
    """One array of the file, ``layer/variable``, not yet read."""

    layer: str
    variable: str
    shape: tuple[int, ...]
    dataset: Any = field(repr=False, compare=False)

    @property
    def name(self) -> str:
        """The name in messages."""
        return f"{self.layer}/{self.variable}"

    def read(self) -> Tensor:
        """Return the values in float64 or float32, refusing what is not a finite number."""
        if self.dataset.dtype.kind != "f":
            raise ValueError(
                f"path has {self.name} with the numbers {self.dataset.dtype}; expected floats"
            )
        with _damage_refused(self.name):
            values = np.asarray(self.dataset[()])
        if not np.isfinite(values).all():
            raise ValueError(f"path has NaN or infinite values in {self.name}; expected numbers")
        wide = np.float64 if values.dtype.itemsize > 4 else np.float32
        return torch.from_numpy(np.ascontiguousarray(values, dtype=wide))


@dataclass(frozen=True)
class KerasFile:
    """What a Keras file holds; its arrays can be read while it is open."""

    layout: Layout
    weights: tuple[KerasWeight, ...]
    config: KerasConfig | None

    @property
    def layers(self) -> list[str]:
        """The names of the layers that have weights, in the order of the file."""
        return list(dict.fromkeys(weight.layer for weight in self.weights))

    def find(self, layer: str, variable: str) -> KerasWeight | None:
        """Return the weight of ``layer`` that ``variable`` names, or None."""
        of_layer = [weight for weight in self.weights if weight.layer == layer]
        # Keras puts scopes in front: a model's name, or the layer's own once more.
        ends = [weight for weight in of_layer if f"/{weight.variable}".endswith(f"/{variable}")]
        return ends[0] if len(ends) == 1 else None


@contextmanager
def open_keras_file(path: str | os.PathLike[str]) -> Iterator[KerasFile]:
    """Open a Keras ``.h5`` file of any of the three layouts that Keras has written.

    Args:
        path: A whole model (``model.save("x.h5")``), the weights that Keras 2 saved
            (``model.save_weights("x.h5")``) or those of Keras 3 (``"x.weights.h5"``).

    Raises:
        ImportError: h5py is not installed.
        FileNotFoundError: There is no such file.
        ValueError: It is no HDF5 file or a damaged one, none that Keras wrote, or refers to other
            files.
    """
    h5py = _h5py()
    if not Path(path).is_file():
        raise FileNotFoundError(f"path is {str(path)!r}, where there is no file")
    if not h5py.is_hdf5(path):
        raise ValueError(f"path is {str(path)!r}, which is not an HDF5 file; expected Keras's .h5")
    with _damage_refused(str(path)):
        file = h5py.File(path, "r")
    with file:
        with _damage_refused(str(path)):
            contents = _contents(file, str(path))
        yield contents


@contextmanager
def _damage_refused(place: str) -> Iterator[None]:
    """Turn what h5py raises for a damaged file, which is of many kinds, into `ValueError`."""
    try:
        yield
    except (OSError, RuntimeError, KeyError, TypeError, UnicodeError) as error:
        raise ValueError(f"path cannot be read as HDF5, at {place!r}: {error}") from error


def _h5py() -> Any:
    try:
        import h5py
    except ImportError as error:
        raise ImportError(
            "reading Keras files needs h5py: pip install 'invert-captum[alignment]'"
        ) from error
    return h5py


def _contents(file: Any, path: str) -> KerasFile:
    top = members(file)
    if "model_weights" in top:
        weights = _named_weights(group_at(file, "model_weights"))
        return KerasFile("whole model", weights, read_config(file))
    if "layer_names" in file.attrs or "layer_names0" in file.attrs:
        return KerasFile("weights", _named_weights(file), None)
    if "layers" in top:
        return KerasFile("Keras 3 weights", _numbered_weights(group_at(file, "layers")), None)
    raise ValueError(
        f"path is {path!r}, which holds {listed(sorted(top)) or 'nothing'}; expected a model or "
        "weights that Keras saved (a group 'model_weights' or 'layers', or the attribute "
        "'layer_names')"
    )


def _named_weights(group: Any) -> tuple[KerasWeight, ...]:
    """Return the weights of a layout in which every layer lists the names of its weights."""
    found = []
    layers = names_at(group, "layer_names")
    # What belongs to the model and to none of its layers.
    layers += [name for name in ("top_level_model_weights",) if name in members(group)]
    for layer in layers:
        layer_group = group_at(group, layer)
        for name in names_at(layer_group, "weight_names"):
            dataset = dataset_at(layer_group, name)
            found.append(_weight(layer, name.removesuffix(":0"), dataset))
    return _without_doubles(found)


def _numbered_weights(group: Any) -> tuple[KerasWeight, ...]:
    """Return the weights of the layout of Keras 3, in which only layers have names."""
    found = []
    for key in members(group):
        layer_group = group_at(group, key)
        inner = members(layer_group)
        # The state of a random generator, which dropout has, is not a weight.
        if nested := sorted(set(inner) - {"vars", "seed_generator"}):
            raise ValueError(
                f"path has layers inside the layer {key!r} ({listed(nested)}); expected a model "
                "that is not nested in another"
            )
        if "vars" not in inner:
            continue
        variables = group_at(layer_group, "vars")
        numbers = sorted(members(variables), key=lambda number: (len(number), number))
        if not numbers:
            continue
        names = _NUMBERED.get(re.sub(r"_\d+$", "", key), ())
        layer = variables.attrs.get("name")
        if not isinstance(layer, str):
            raise ValueError(
                f"path does not tell the name of the layer {key!r}, as early versions of Keras 3 "
                "did not; expected a file saved by model.save('x.h5')"
            )
        if numbers != [str(index) for index in range(len(numbers))] or len(numbers) > len(names):
            raise ValueError(
                f"path has the variables {listed(numbers)} in the layer {key!r}; expected at most "
                f"{listed(names) if names else 'none in a layer of this kind'}"
            )
        found += [
            _weight(layer, names[int(number)], dataset_at(variables, number)) for number in numbers
        ]
    return _without_doubles(found)


def _weight(layer: str, variable: str, dataset: Any) -> KerasWeight:
    return KerasWeight(layer, variable.removeprefix(f"{layer}/"), tuple(dataset.shape), dataset)


def _without_doubles(weights: list[KerasWeight]) -> tuple[KerasWeight, ...]:
    counts = Counter(weight.name for weight in weights)
    if doubles := [name for name, count in counts.items() if count > 1]:
        raise ValueError(f"path has several weights named {listed(doubles)}; expected one of each")
    return tuple(weights)
