"""Activation modules that Captum's rules act on, in place of those that they overlook.

Captum finds the activation functions of a model by the type of its modules, and remembers for each
module the last call only. A model gets a copy here in which modules of other types are written in
terms of `torch.nn.ReLU`, a module that runs several times is several modules, and each has an input
of its own. Weights are shared with the original, which stays as it is.
"""

from __future__ import annotations

import copy
import math
from typing import TYPE_CHECKING, Any

from torch import Tensor, nn

if TYPE_CHECKING:
    from collections.abc import Mapping


class CeilingBeforeReLU(nn.Module):
    """ReLU6 as relu(min(x, c)), with the gradient of its ceiling as it is.

    A rule for the `torch.nn.ReLU` in it that keeps positive gradients g then gives
    max(g, 0) · [0 < x < c], as guided backpropagation asks.

    Args:
        ceiling: The upper bound c.

    Examples:
        >>> import torch
        >>> CeilingBeforeReLU(6.0)(torch.tensor([-1.0, 2.0, 7.0]))
        tensor([0., 2., 6.])
    """

    ceiling: float
    relu: nn.ReLU

    def __init__(self, ceiling: float) -> None:
        super().__init__()
        self.ceiling = ceiling
        self.relu = nn.ReLU()

    def forward(self, inputs: Tensor) -> Tensor:
        """Return relu(min(inputs, ceiling))."""
        # Unlike a clamp it has no gradient at the ceiling itself, as ReLU6 has none.
        capped = nn.functional.hardtanh(inputs, -math.inf, self.ceiling)
        result: Tensor = self.relu(capped)
        return result


class DifferenceOfReLUs(nn.Module):
    """A clamp as b + relu(x - b) - relu(x - c), for which DeepLIFT's rescale rule is exact.

    Both differences are taken over the same input, so that the multipliers of the two add up to
    Δy/Δx of the clamp; and below the ceiling nothing is rounded.

    Args:
        floor: The lower bound b.
        ceiling: The upper bound c.

    Examples:
        >>> import torch
        >>> DifferenceOfReLUs(0.0, 6.0)(torch.tensor([-1.0, 2.0, 7.0]))
        tensor([0., 2., 6.])
    """

    floor: float
    ceiling: float
    rising: nn.ReLU
    falling: nn.ReLU

    def __init__(self, floor: float, ceiling: float) -> None:
        super().__init__()
        self.floor = floor
        self.ceiling = ceiling
        self.rising = nn.ReLU()
        self.falling = nn.ReLU()

    def forward(self, inputs: Tensor) -> Tensor:
        """Return the inputs, clamped between floor and ceiling."""
        above: Tensor = self.rising(inputs - self.floor) - self.falling(inputs - self.ceiling)
        return above + self.floor


class PooledWindows(nn.Module):
    """A `torch.nn.MaxPool2d` that lays its windows side by side before it takes their maxima.

    Captum's rule for pooling hands a maximum back to one place of its window and forgets it where
    another window does the same, so that it is exact only for windows that do not overlap.

    Args:
        pooling: The pooling, without ``return_indices``.

    Examples:
        >>> import torch
        >>> maps, pooling = torch.randn(2, 3, 8, 9), nn.MaxPool2d(3, stride=2, padding=1)
        >>> torch.equal(PooledWindows(pooling)(maps), pooling(maps))
        True
    """

    window: dict[str, tuple[int, ...]]
    padding: tuple[int, ...]
    ceil_mode: bool
    maxima: nn.MaxPool1d

    def __init__(self, pooling: nn.MaxPool2d) -> None:
        super().__init__()
        self.window = {
            "kernel_size": _sides(pooling.kernel_size),
            "stride": _sides(pooling.stride),
            "dilation": _sides(pooling.dilation),
        }
        self.padding = _sides(pooling.padding)
        self.ceil_mode = pooling.ceil_mode
        self.maxima = nn.MaxPool1d(math.prod(self.window["kernel_size"]))

    def forward(self, inputs: Tensor) -> Tensor:
        """Return the maxima of all windows, shape (n, channels, height, width)."""
        sides = zip(inputs.shape[2:], self.padding, *self.window.values(), strict=True)
        fits = [self._windows(*one) for one in sides]
        (height, below), (width, right) = fits
        before = self.padding
        # Never larger than what lies in a window; minus infinity would make differences NaN.
        lowest = float(inputs.detach().amin())
        padded = nn.functional.pad(inputs, (before[1], right, before[0], below), value=lowest)
        one_by_one = padded.reshape(-1, 1, *padded.shape[2:])
        windows = nn.functional.unfold(one_by_one, **self.window)
        maxima: Tensor = self.maxima(windows.transpose(1, 2).reshape(len(windows), 1, -1))
        return maxima.reshape(*inputs.shape[:2], height, width)

    def _windows(
        self, size: int, padding: int, kernel: int, stride: int, dilation: int
    ) -> tuple[int, int]:
        """Return how many windows there are along a side, and what to add behind it."""
        span = dilation * (kernel - 1) + 1
        room = size + 2 * padding - span
        n_windows = (-(-room // stride) if self.ceil_mode else room // stride) + 1
        # A last window that begins in the padding behind does not count.
        if self.ceil_mode and (n_windows - 1) * stride >= size + padding:
            n_windows -= 1
        return n_windows, max(padding, (n_windows - 1) * stride + span - size - padding)


class ModulesInTurn(nn.Module):
    """Modules of which every call runs the next.

    Args:
        *modules: The modules.

    Examples:
        >>> import torch
        >>> both = ModulesInTurn(nn.ReLU(), nn.Tanh())
        >>> both(torch.tensor(-2.0)).item(), round(both(torch.tensor(-2.0)).item(), 2)
        (0.0, -0.96)
    """

    turns: nn.ModuleList
    turn: int

    def __init__(self, *modules: nn.Module) -> None:
        super().__init__()
        self.turns = nn.ModuleList(modules)
        self.turn = 0

    def forward(self, *args: object, **kwargs: object) -> object:
        """Run the next module, on copies of tensors."""
        module = self.turns[self.turn % len(self.turns)]
        self.turn += 1
        # Captum hooks gradients to tensors: one that is the output of a module and the input of the
        # next (a pooling behind a ReLU) would tell the first of them the gradient before the rule
        # of the second.
        own = (one.clone() if isinstance(one, Tensor) else one for one in args)
        return module(*own, **kwargs)


def copy_with_shared_weights(model: nn.Module) -> dict[nn.Module, nn.Module]:
    """Return for every module of ``model`` its counterpart in a copy that shares all weights.

    Raises:
        TypeError: the model cannot be copied.

    Examples:
        >>> model = nn.Sequential(nn.Linear(3, 2), nn.ReLU())
        >>> copied = copy_with_shared_weights(model)
        >>> copied[model][1] is copied[model[1]], copied[model[0]].weight is model[0].weight
        (True, True)
    """
    tensors = [*model.parameters(), *model.buffers()]
    memo: dict[int, object] = {id(tensor): tensor for tensor in tensors}
    try:
        copied = copy.deepcopy(model, memo)
    except Exception as error:
        raise TypeError(
            f"model is a {type(model).__name__} that cannot be copied ({error}), but the method "
            "works on a copy in which activation modules are replaced; expected a model that "
            "copy.deepcopy takes, or NeuronIntegratedGradients or NeuronGradient as method"
        ) from error
    return dict(zip(model.modules(), copied.modules(), strict=True))


def is_clamp(module: nn.Module) -> bool:
    """Return whether ``module`` is a `torch.nn.ReLU6` or `torch.nn.Hardtanh`."""
    return type(module) in (nn.ReLU6, nn.Hardtanh)


def clamp_bounds(module: nn.Module) -> tuple[float, float]:
    """Return the lower and upper bound of a `torch.nn.ReLU6` or `torch.nn.Hardtanh`."""
    bounds: Any = module
    return float(bounds.min_val), float(bounds.max_val)


def windows_overlap(pooling: nn.Module) -> bool:
    """Return whether two windows of a ``MaxPool`` module share a place."""
    sides: Any = pooling
    n_sides = int(type(pooling).__name__[-2])
    per_side = (_sides(one, n_sides) for one in (sides.kernel_size, sides.stride, sides.dilation))
    return any(stride < k or step > 1 for k, stride, step in zip(*per_side, strict=True) if k > 1)


def equivalent(module: nn.Module, *, guided: bool) -> nn.Module:
    """Return a new module that does what ``module`` does, and on which Captum's rules act.

    Args:
        module: An activation or pooling module without parameters.
        guided: Whether the rule acts on gradients (guided backpropagation, deconvolution) and not
            on differences (DeepLIFT).
    """
    if is_clamp(module):
        floor, ceiling = clamp_bounds(module)
        return CeilingBeforeReLU(ceiling) if guided else DifferenceOfReLUs(floor, ceiling)
    if isinstance(module, nn.MaxPool2d) and windows_overlap(module):
        return PooledWindows(module)
    return without_hooks(module)


def without_hooks(module: nn.Module) -> nn.Module:
    """Return a module like ``module``, which has no parameters, that works out of place."""
    same = type(module).__new__(type(module))
    nn.Module.__init__(same)
    settings = {k: value for k, value in vars(module).items() if not k.startswith("_")}
    vars(same).update({**settings, **({"inplace": False} if "inplace" in settings else {})})
    return same


def become(module: nn.Module, other: nn.Module) -> None:
    """Turn ``module`` into ``other``, keeping its hooks, its mode and all references to it.

    Examples:
        >>> model = nn.Sequential(nn.ReLU6())
        >>> become(model[0], CeilingBeforeReLU(6.0))
        >>> [type(module).__name__ for module in model.modules()]
        ['Sequential', 'CeilingBeforeReLU', 'ReLU']
    """
    module.__class__ = type(other)
    for name, value in vars(other).items():
        if not name.startswith("_") and name != "training":
            setattr(module, name, value)
    for name, child in other.named_children():
        module.add_module(name, child)


def substitute(
    copied: Mapping[nn.Module, nn.Module], n_calls: Mapping[nn.Module, int], *, guided: bool
) -> None:
    """Give every call of an activation module in a copy a module that Captum's rules act on.

    It lies inside of the module that was there: Captum passes over modules that have backward hooks
    already, and its LayerDeepLift over the layer itself, even where it looks at what that gets.

    Args:
        copied: Counterpart in the copy by module of the original, among them those to replace.
        n_calls: How often each of those to replace runs in a forward pass.
        guided: As in `equivalent`.
    """
    for module, n in n_calls.items():
        fresh = [equivalent(module, guided=guided) for _ in range(n)]
        become(copied[module], ModulesInTurn(*fresh))


def _sides(value: int | tuple[int, ...], n_sides: int = 2) -> tuple[int, ...]:
    return (value,) * n_sides if isinstance(value, int) else tuple(value)
