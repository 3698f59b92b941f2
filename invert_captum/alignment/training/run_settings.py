"""What determines the course of a training run, as plain text by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torch import Tensor

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch.optim import Optimizer
    from torch.optim.lr_scheduler import LRScheduler

# What moves while a run goes on, in the schedulers of PyTorch.
_MOVING = {
    "last_epoch",
    "best",
    "num_bad_epochs",
    "cooldown_counter",
    "T_cur",
    "T_i",
}
_SCALAR = (bool, int, float, str)


def loss_settings(loss: object) -> dict[str, str]:
    """Return the name of a loss and its public numbers.

    Examples:
        >>> from invert_captum.alignment.loss.harmonization_loss import HarmonizationLoss
        >>> loss_settings(HarmonizationLoss(lambda_harmonization=0.5))["loss.lambda_harmonization"]
        '0.5'
    """
    name = getattr(loss, "__qualname__", type(loss).__qualname__)
    inner = {key: value for key, value in _attributes(loss).items() if key != "training"}
    return {"loss": name, **{f"loss.{key}": value for key, value in inner.items()}}


def optimizer_settings(optimizer: Optimizer, scheduler: LRScheduler | None) -> dict[str, str]:
    """Return the name of an optimizer, the shapes of its parameters and its groups' settings."""
    settings = {"optimizer": type(optimizer).__qualname__}
    for number, group in enumerate(optimizer.param_groups):
        name = f"optimizer.param_groups[{number}]"
        settings[f"{name}.shapes"] = str([tuple(one.shape) for one in group["params"]])
        moving = {"params"}
        if scheduler is not None:
            moving |= {"lr"}
        # OneCycleLR and CyclicLR turn these as well, between bounds that the group also has.
        if "max_momentum" in group:
            moving |= {"momentum", "betas"}
        for key, value in group.items():
            if key not in moving:
                settings[f"{name}.{key}"] = _plain(value)
    return settings


def scheduler_settings(scheduler: LRScheduler | None) -> dict[str, str]:
    """Return the name of a scheduler and those of its numbers that stay."""
    if scheduler is None:
        return {"scheduler": "None"}
    inner = {key: text for key, text in _attributes(scheduler).items() if key not in _MOVING}
    return {
        "scheduler": type(scheduler).__qualname__,
        **{f"scheduler.{key}": text for key, text in inner.items()},
    }


def differing_settings(saved: Mapping[str, str], given: Mapping[str, str]) -> list[str]:
    """Return a line for each setting that differs.

    Examples:
        >>> differing_settings({"accumulate": "1"}, {"accumulate": "2"})
        ['accumulate is 2, in the checkpoint 1']
    """
    names = dict.fromkeys([*given, *saved])
    return [
        f"{name} is {given.get(name, 'absent')}, in the checkpoint {saved.get(name, 'absent')}"
        for name in names
        if given.get(name) != saved.get(name)
    ]


def _attributes(thing: object) -> dict[str, str]:
    """Return the public attributes of an object that are scalars or sequences of them."""
    found: Mapping[str, Any] = getattr(thing, "__dict__", {})
    return {
        key: _plain(value)
        for key, value in sorted(found.items())
        if not key.startswith("_") and _is_plain(value)
    }


def _is_plain(value: object) -> bool:
    if isinstance(value, (list, tuple)):
        return all(isinstance(entry, _SCALAR) for entry in value)
    return value is None or isinstance(value, _SCALAR)


def _plain(value: object) -> str:
    return repr(value.tolist() if isinstance(value, Tensor) else value)
