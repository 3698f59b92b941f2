"""The null distribution of a sum over groups whose samples share activations.

A score is drawn from ``values`` with ``shares``. Within a group each sample takes the group's
common draw with probability ``common``, else one of its own. A positive counts ``weights[0]`` times
its score, a negative ``weights[1]`` times. ``kinds`` has a row (positives, negatives, how many such
groups) for every different kind of group. The tail probability of the sum over all groups is the
inversion of its characteristic function, tilted to the observed sum, so that tails of 1e-300 come
out with as many digits as those of 0.05.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from invert_captum._compiling import compiled, kernel

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Reals = NDArray[np.float64]
    Complexes = NDArray[np.complex128]
    # weights, values, shares, common and kinds, as above.
    Null = tuple[Reals, Reals, Reals, float, NDArray[np.int64]]

# The characteristic function is summed at steps of 2π/25 standard deviations: the tilted sum is
# hardly ever further than that from where it was tilted to.
_RANGE = 25.0
_NEGLIGIBLE = 1e-11
# In standard deviations of the noise's characteristic function, which is 4e-6 there.
_LAST = 5.0
_ZEROS = 20
_NEWTON_STEPS = 200


@compiled
def _fill_factors(
    tilt: float, weight: float, values: Reals, shares: Reals, common: float, out: Reals
) -> None:
    """Fill log f and its two derivatives by the tilt, f a sample's factor given the group's draw.

    f(v) = common·exp(tilt·weight·v) + (1 − common)·M, M the mean of exp(tilt·weight·v).
    """
    u = tilt * weight
    top = max(u * values[0], u * values[-1])
    own0 = own1 = own2 = 0.0
    for j in range(len(values)):
        e = shares[j] * math.exp(u * values[j] - top)
        own0 += e
        own1 += e * values[j]
        own2 += e * values[j] ** 2
    for j in range(len(values)):
        e = common * math.exp(u * values[j] - top)
        f = e + (1.0 - common) * own0
        first = weight * (e * values[j] + (1.0 - common) * own1)
        second = weight**2 * (e * values[j] ** 2 + (1.0 - common) * own2)
        out[0, j] = math.log(f) + top if f > 0.0 else -math.inf
        out[1, j] = first / f if f > 0.0 else weight * values[j]
        out[2, j] = second / f - out[1, j] ** 2 if f > 0.0 else 0.0


@compiled
def _cumulants(
    tilt: float, null: Null, by_kind: Reals, tilted: Reals
) -> tuple[float, float, float]:
    """Return K, K′ and K″ at the tilt, and fill the tilted distribution of each kind's draw."""
    weights, values, shares, common, kinds = null
    for i in range(2):
        _fill_factors(tilt, weights[i], values, shares, common, by_kind[i])
    k0 = k1 = k2 = 0.0
    for g in range(len(kinds)):
        a, b, count = kinds[g, 0], kinds[g, 1], kinds[g, 2]
        top = -math.inf
        for j in range(len(values)):
            log_f = math.log(shares[j])
            if a > 0:
                log_f += a * by_kind[0, 0, j]
            if b > 0:
                log_f += b * by_kind[1, 0, j]
            tilted[g, j] = log_f
            top = max(top, log_f)
        total = mean = square = 0.0
        for j in range(len(values)):
            p = math.exp(tilted[g, j] - top)
            slope = a * by_kind[0, 1, j] + b * by_kind[1, 1, j]
            tilted[g, j] = p
            total += p
            mean += p * slope
            square += p * (a * by_kind[0, 2, j] + b * by_kind[1, 2, j] + slope**2)
        for j in range(len(values)):
            tilted[g, j] /= total
        k0 += count * (math.log(total) + top)
        k1 += count * mean / total
        k2 += count * (square / total - (mean / total) ** 2)
    return k0, k1, k2


@compiled
def _find_tilt(
    target: float, noise: float, lowest: float, null: Null, by_kind: Reals, tilted: Reals
) -> float:
    """Return the tilt at which the sum's mean is the target, but at least the lowest one."""
    low, high = lowest, lowest
    while True:
        _, k1, _ = _cumulants(high, null, by_kind, tilted)
        if k1 + noise**2 * high >= target:
            break
        low, high = high, 2.0 * high
    if high == lowest:
        return lowest
    tilt = 0.5 * (low + high)
    for _ in range(_NEWTON_STEPS):
        _, k1, k2 = _cumulants(tilt, null, by_kind, tilted)
        error = k1 + noise**2 * tilt - target
        if error > 0.0:
            high = tilt
        else:
            low = tilt
        step = error / (k2 + noise**2)
        # Any tilt gives the same probability; one near the best keeps the digits.
        if abs(step) <= 1e-6 * tilt:
            break
        tilt = tilt - step if low < tilt - step < high else 0.5 * (low + high)
    return tilt


@compiled
def _start_turning(
    tilt: float, step: float, weight: float, values: Reals, turning: Complexes, rotation: Complexes
) -> float:
    """Fill exp(tilt·weight·v) up to a factor, whose logarithm it returns, and a step's rotation."""
    u = tilt * weight
    top = max(u * values[0], u * values[-1])
    for j in range(len(values)):
        turning[j] = math.exp(u * values[j] - top)
        angle = step * weight * values[j]
        rotation[j] = complex(math.cos(angle), math.sin(angle))
    return top


@compiled
def _turn(
    top: float,
    shares: Reals,
    common: float,
    log_f: Reals,
    turning: Complexes,
    rotation: Complexes,
    out: Complexes,
) -> None:
    """Turn by one step; fill f(tilt + iω)/f(tilt) for each draw of the group, at most 1 in size."""
    own = 0j
    for j in range(len(shares)):
        turning[j] *= rotation[j]
        own += shares[j] * turning[j]
    for j in range(len(shares)):
        out[j] = (common * turning[j] + (1.0 - common) * own) * math.exp(top - log_f[j])


@compiled
def _characteristic(kinds: NDArray[np.int64], tilted: Reals, factors: Complexes) -> complex:
    """Return the characteristic function of the tilted sum."""
    product = 1.0 + 0j
    for g in range(len(kinds)):
        a, b, count = kinds[g, 0], kinds[g, 1], kinds[g, 2]
        mean = 0j
        for j in range(tilted.shape[1]):
            term = complex(tilted[g, j])
            for _ in range(a):
                term *= factors[0, j]
            for _ in range(b):
                term *= factors[1, j]
            mean += term
        product *= mean**count
        if abs(product) < _NEGLIGIBLE:
            return 0j
    return product


@kernel
def log_tail(target: float, noise: float, deviation: float, smooth: bool, null: Null) -> float:
    """Return log P(sum + noise·Z ≥ target), Z standard normal.

    It is exp(K(λ) − λt)/π · ∫ Re[φ(ω)·exp(−iωt)/(λ + iω)] dω over ω > 0, the integral of Bromwich,
    φ the characteristic function of the sum tilted by λ; by the trapezoidal rule.

    Args:
        target: t.
        noise: What bounds the frequencies that matter where the sum has few values.
        deviation: The standard deviation of the sum.
        smooth: Whether φ stays small once it is, as it does where no tie is large.
        null: The distribution: weights, values, shares, common and kinds.

    Returns:
        *float*: a natural logarithm.
    """
    weights, values, shares, common, kinds = null
    by_kind = np.empty((2, 3, len(values)))
    tilted = np.empty((len(kinds), len(values)))
    # Further tilts are as exact, and near 0 the integrand has a pole.
    lowest = 1.0 / deviation
    tilt = _find_tilt(target, noise, lowest, null, by_kind, tilted)
    k0, _, k2 = _cumulants(tilt, null, by_kind, tilted)
    step = 2.0 * math.pi / (_RANGE * max(deviation, math.sqrt(k2)))
    factors, turning, rotation = np.empty((3, 2, len(values)), dtype=np.complex128)
    tops = np.empty(2)
    for i in range(2):
        tops[i] = _start_turning(tilt, step, weights[i], values, turning[i], rotation[i])
    total = 0.5 / tilt
    omega, zeros = step, 0
    while omega * noise < _LAST and not (smooth and zeros == _ZEROS):
        for i in range(2):
            _turn(tops[i], shares, common, by_kind[i, 0], turning[i], rotation[i], factors[i])
        phi = _characteristic(kinds, tilted, factors)
        zeros = zeros + 1 if phi == 0.0 else 0
        damped = phi * math.exp(-0.5 * (omega * noise) ** 2)
        turned = damped * complex(math.cos(omega * target), -math.sin(omega * target))
        total += (turned / complex(tilt, omega)).real
        omega += step
    log_scale = k0 + 0.5 * (noise * tilt) ** 2 - tilt * target
    return log_scale + math.log(max(total * step / math.pi, 1e-300))
