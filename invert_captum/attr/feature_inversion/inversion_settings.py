"""The constants of an inversion, checked."""

from __future__ import annotations

import math
import numbers
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Literal, get_args

from invert_captum._validation import check_choice, check_integer, nearest_names, shown

if TYPE_CHECKING:
    from collections.abc import Mapping

    from invert_captum.attr.feature_inversion.backgrounds import Background

InversionLoss = Literal["absolute", "relative"]
MaskKind = Literal["channels", "free"]

HALVE_EVERY = 10
"""Steps of stage 2 after which the learning rate is halved (Du et al. 2018)."""

_ABSOLUTE = (10.0, 1.0)
# The gradient of the relative loss is about as many times smaller as the layer is strong; this is
# a weight of 1 for the mean of ω in units of its start, 0.1.
_RELATIVE_MEAN = 10.0


@dataclass(frozen=True, kw_only=True)
class InversionSettings:
    """Arguments of `GuidedFeatureInversion.attribute`, which documents them.

    Raises:
        TypeError: One is no number.
        ValueError: One is out of its range, or no choice there is.

    Examples:
        >>> InversionSettings(n_target_steps=-1)
        Traceback (most recent call last):
            ...
        ValueError: n_target_steps is -1; expected an integer of at least 0
    """

    background: Background = "blur"
    n_inversion_steps: int = 10
    n_target_steps: int = 70
    learning_rate: float = 1e-2
    gamma: float | None = None
    background_weight: float = 1.0
    delta: float | None = None
    inversion_loss: InversionLoss = "absolute"
    mask: MaskKind = "channels"

    def __post_init__(self) -> None:
        for name in ("n_inversion_steps", "n_target_steps"):
            check_integer(name, getattr(self, name), minimum=0)
        for name in ("learning_rate", "background_weight", "gamma", "delta"):
            if getattr(self, name) is not None or name not in ("gamma", "delta"):
                _check_number(name, getattr(self, name), above_zero=name == "learning_rate")
        check_choice("inversion_loss", self.inversion_loss, get_args(InversionLoss))
        check_choice("mask", self.mask, get_args(MaskKind))

    @classmethod
    def of(cls, constants: Mapping[str, Any]) -> InversionSettings:
        """Return settings with the given constants, the others as they are.

        Raises:
            TypeError: there is no such constant, or it is no number.
            ValueError: it is out of its range.
        """
        names = [one.name for one in fields(cls)]
        for name in constants:
            if name not in names:
                raise TypeError(
                    f"unexpected argument {name!r}; nearest names: {nearest_names(name, names)}"
                )
        return cls(**constants)

    def penalties(self, n_channels: int) -> tuple[float, float]:
        """Return γ and δ: as given, else the loss's own.

        10 and 1 for the absolute loss (Du et al. 2018). For the relative one 10/K each of ‖ω‖₁ of
        K channels, or 1 each of the mean of a free mask.

        Args:
            n_channels: Channels of the mask layer.
        """
        gamma, delta = _ABSOLUTE
        if self.inversion_loss == "relative":
            gamma = delta = _RELATIVE_MEAN / n_channels if self.mask == "channels" else 1.0
        return (
            gamma if self.gamma is None else float(self.gamma),
            delta if self.delta is None else float(self.delta),
        )


def _check_number(name: str, value: object, *, above_zero: bool) -> None:
    expected = f"expected a finite number {'above' if above_zero else 'of at least'} 0"
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise TypeError(f"{name} is {shown(value)}; {expected}")
    number = float(value)
    if not math.isfinite(number) or number < 0 or (above_zero and number == 0):
        raise ValueError(f"{name} is {value}; {expected}")
