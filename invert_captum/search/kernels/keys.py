"""Activations as whole numbers that sort as they do, and a digest of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from invert_captum._compiling import compiled

if TYPE_CHECKING:
    from numpy.typing import NDArray

# The key of 0.0.
ZERO_KEY = np.uint32(0x80000000)


@compiled
def write_keys(
    values: NDArray[np.float32], samples: NDArray[np.int64], keys: NDArray[np.uint32]
) -> tuple[bool, np.uint64]:
    """Write keys that sort as ``values`` do; −0.0 gets the key of 0.0, `ZERO_KEY`.

    Args:
        values: float32, shape (m,).
        samples: Which samples these are, shape (m,); or of shape (0,) if they are 0 … m − 1.
        keys: uint32, shape (m,), to be written.

    Returns:
        Whether all values are finite, and a number that depends on every value and its sample
        (a sum modulo 2⁶⁴ of bits · an odd number for the sample; zeros add nothing).
    """
    bits = values.view(np.uint32)
    sign, magnitude = np.uint32(0x80000000), np.uint32(0x7FFFFFFF)
    greatest = np.uint32(0)
    digest = np.uint64(0)
    listed = len(samples) > 0
    for place in range(len(values)):
        word = bits[place]
        size = word & magnitude
        greatest = max(greatest, size)
        word = word if size != 0 else np.uint32(0)
        sample = samples[place] if listed else place
        digest += np.uint64(word) * sample_factor(sample)
        # IEEE 754: the bits of positive floats sort as they are, those of negative ones in reverse.
        keys[place] = ~word if word & sign != 0 else word | sign
    return greatest < np.uint32(0x7F800000), digest


@compiled
def sample_factor(sample: int) -> np.uint64:
    """Return the odd number that a sample's value is multiplied with in a digest.

    By the mixing function of SplitMix64 (Steele, Lea and Flood, OOPSLA 2014), so that no two
    different sets of values give the same sum but by chance.
    """
    mixed = np.uint64(2 * sample + 1) * np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return (mixed ^ (mixed >> np.uint64(31))) | np.uint64(1)
