"""The state of every random generator that a training run draws from."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

if TYPE_CHECKING:
    from collections.abc import Sequence


def random_state(generators: Sequence[torch.Generator] = ()) -> dict[str, Any]:
    """Return the state of PyTorch's, Python's and NumPy's generators, and of further ones.

    Returns:
        Plain values and tensors, which `torch.load(..., weights_only=True)` reads.

    Examples:
        >>> state = random_state()
        >>> drawn = torch.rand(2), random.random()
        >>> restore_random_state(state)
        >>> bool((torch.rand(2) == drawn[0]).all()), random.random() == drawn[1]
        (True, True)
    """
    numpy_state: dict[str, Any] = dict(np.random.get_state(legacy=False))  # noqa: NPY002
    inner = numpy_state["state"]
    # NumPy's arrays are not among the types that weights_only reads.
    numpy_state["state"] = {
        "key": torch.from_numpy(inner["key"].astype(np.int64)),
        "pos": int(inner["pos"]),
    }
    return {
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
        "python": random.getstate(),
        "numpy": numpy_state,
        "generators": [generator.get_state() for generator in generators],
    }


def restore_random_state(state: dict[str, Any], generators: Sequence[torch.Generator] = ()) -> None:
    """Put every generator back to what `random_state` returned."""
    torch.set_rng_state(state["torch"])
    for device, device_state in enumerate(state["cuda"][: torch.cuda.device_count()]):
        torch.cuda.set_rng_state(device_state, device)
    random.setstate(state["python"])
    inner = state["numpy"]["state"]
    np.random.set_state(  # noqa: NPY002 - the data sets of others draw from it
        {**state["numpy"], "state": {**inner, "key": inner["key"].numpy().astype(np.uint32)}}
    )
    for generator, generator_state in zip(generators, state["generators"], strict=True):
        generator.set_state(generator_state)
