"""Training with human maps: batches in, a harmonized model and the log of its steps out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import torch

from invert_captum._log import warn
from invert_captum._validation import check_choice, check_integer, shown
from invert_captum.alignment.loss.harmonization_loss import HarmonizationLoss
from invert_captum.alignment.training.optimization import (
    StepSettings,
    check_optimizer,
    check_scheduler,
)
from invert_captum.alignment.training.training_batches import check_data
from invert_captum.alignment.training.training_checkpoint import Trained
from invert_captum.alignment.training.training_loop import Course, TrainingLoop

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable, Mapping

    import pandas as pd
    from torch import nn
    from torch.optim import Optimizer
    from torch.optim.lr_scheduler import LRScheduler

    from invert_captum.alignment.loss.harmonization_loss import HarmonizationTerms


def harmonize(
    model: nn.Module,
    data: Iterable[object],
    optimizer: Optimizer,
    *,
    n_epochs: int,
    loss: Callable[..., HarmonizationTerms] | None = None,
    scheduler: LRScheduler | None = None,
    scheduler_interval: Literal["step", "epoch"] = "step",
    max_grad_norm: float | None = None,
    accumulate: int = 1,
    autocast_dtype: torch.dtype | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
    checkpoint_every: int | None = None,
    log: str | os.PathLike[str] | None = None,
    device: torch.device | str | None = None,
    validate: Callable[[nn.Module], Mapping[str, float]] | None = None,
    show_progress: bool = False,
) -> pd.DataFrame:
    """Train a model to classify and to look where people look, in one process.

    The training of Fel et al., NeurIPS 2022, with any optimizer and schedule. The model keeps its
    mode: call ``model.train()`` first, as the released code does.

    With ``checkpoint``, the same call goes on where an earlier one stopped, or was killed. On the
    CPU it then ends with the same bits in weights and log as if it had not stopped, apart from the
    seconds: random states are put back, and the batches that were done are drawn again and left
    out. That needs data whose order comes from PyTorch's, Python's or NumPy's global generator, or
    from a ``generator`` or ``set_epoch`` of a DataLoader, its samplers or its data set, and workers
    that are not persistent. With more ``n_epochs``, a finished run goes on.

    Args:
        model: The network, images to logits (N, classes).
        data: Batches, (images, labels, heatmaps) or (images, labels, heatmaps, tokens), see
            `harmonization_step`; gone through once for each epoch. Where it, its samplers or its
            data sets have a ``set_epoch``, that is called with the number of the epoch, from 0.
        optimizer: Any optimizer of the model's parameters whose ``step`` needs no closure. Give it
            a weight decay of 0, because the loss has its own.
        n_epochs: How often ``data`` is gone through, in all.
        loss: Called with the model and the four tensors; `HarmonizationLoss()` if None.
        scheduler: Learning-rate schedule of ``optimizer``.
        scheduler_interval: Whether the scheduler steps after every step or every epoch.
            `ReduceLROnPlateau` is given the total loss of the step, or its mean over the epoch.
        max_grad_norm: Gradients are scaled down to this Euclidean norm, over all parameters, if
            theirs is larger.
        accumulate: How many batches make a step. Losses are weighted by the share of rows, so
            that the step is that of the joined batch, and weight decay counts once; batch norm
            still sees the batches one by one. The last step of an epoch takes what is left.
        autocast_dtype: The loss runs under `torch.autocast` with this dtype. With
            `torch.float16`, gradients are scaled by a `torch.amp.GradScaler`.
        checkpoint: File for the state of the run. It is replaced as a whole, before the first
            step, at the end of every epoch, and as ``checkpoint_every`` says.
        checkpoint_every: Also after every so many steps.
        log: CSV file to which each step adds a line; see Returns. It must not exist before a run
            starts. A run that goes on cuts off what came after the checkpoint.
        device: Where model and batches are moved; where the model's first parameter is if None.
        validate: Called with the model in eval mode after every epoch. What it returns, numbers by
            name, goes into a row of its own.
        show_progress: Whether to draw a progress bar for every epoch.

    Returns:
        *pandas.DataFrame*: a row for each step of all epochs, those of earlier calls included:
        ``epoch`` and ``step`` (both from 1), the terms of the loss before the step (``total``,
        ``cross_entropy``, ``weight_decay``, ``harmonization``, the last three without their
        factors), ``learning_rate`` of the first parameter group, ``grad_norm`` before clipping, and
        ``seconds`` that the step took, its batches included; then the columns of ``validate``.

    Raises:
        FileExistsError: ``log`` exists, but no checkpoint of its run.
        FloatingPointError: the loss is not finite, or the gradients are not; the weights are
            those of the step before.
        OSError: ``checkpoint`` or ``log`` cannot be written.
        TypeError: an argument or a batch is of the wrong type, or ``data`` is a data set that is
            not wrapped in a DataLoader.
        ValueError: an argument or a batch is refused, the data is empty or can be gone through only
            once, or ``checkpoint`` is damaged or of another run; then nothing was loaded. Messages
            count the batches of an epoch from 0, as those of `evaluate_alignment` do.

    Warns:
        InvertCaptumWarning: the model is in eval mode, or the optimizer has a weight decay while
            that of the loss, ``lambda_weights``, is not 0; and what the loss warns of.

    Examples:
        >>> import torch
        >>> _ = torch.manual_seed(0)
        >>> model = torch.nn.Sequential(
        ...     torch.nn.Conv2d(3, 4, 3), torch.nn.Softplus(),
        ...     torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(), torch.nn.Linear(4, 2),
        ... )
        >>> images, heatmaps = torch.rand(8, 3, 16, 16), torch.rand(8, 16, 16)
        >>> data = [(images, torch.arange(8) % 2, heatmaps)]
        >>> optimizer = torch.optim.AdamW(model.parameters(), lr=0.01, weight_decay=0)
        >>> log = harmonize(model, data, optimizer, n_epochs=3)
        >>> list(log["step"]), bool(log["total"].is_monotonic_decreasing)
        ([1, 2, 3], True)
    """
    n_epochs = check_integer("n_epochs", n_epochs, minimum=1)
    accumulate = check_integer("accumulate", accumulate, minimum=1)
    if checkpoint_every is not None:
        check_integer("checkpoint_every", checkpoint_every, minimum=1)
    check_choice("scheduler_interval", scheduler_interval, ("step", "epoch"))
    check_data(data, n_epochs)
    check_optimizer(model, optimizer)
    check_scheduler(scheduler, optimizer)
    if validate is not None and not callable(validate):
        raise TypeError(
            f"validate is {shown(validate)}; expected a function of the model that returns numbers "
            "by name"
        )
    if checkpoint is not None and log is not None and Path(checkpoint) == Path(log):
        raise ValueError(f"checkpoint and log are both {str(log)!r}; expected two files")
    here = next(model.parameters()).device if device is None else torch.device(device)
    model.to(here)
    scaler = torch.amp.GradScaler(here.type) if autocast_dtype == torch.float16 else None
    trained = Trained(model, optimizer, scheduler, scaler)
    step = StepSettings(
        HarmonizationLoss() if loss is None else loss, max_grad_norm, scaler, autocast_dtype
    )
    _warn_of_mode(model)
    _warn_of_two_decays(optimizer, step.loss)
    course = Course(n_epochs, scheduler_interval, accumulate, checkpoint_every)
    loop = TrainingLoop(trained, data, step, course, here, validate, show_progress=show_progress)
    return loop.run(checkpoint, log)


def _warn_of_mode(model: nn.Module) -> None:
    if not model.training:
        warn(
            "model is in eval mode, so that dropout does nothing and batch norm keeps its "
            "statistics; call model.train() first, unless that is meant"
        )


def _warn_of_two_decays(optimizer: Optimizer, loss: object) -> None:
    in_loss = getattr(loss, "lambda_weights", 0)
    in_groups = max(float(group.get("weight_decay") or 0) for group in optimizer.param_groups)
    if in_loss and in_groups > 0:
        warn(
            f"optimizer has a weight_decay of {in_groups:g}, and the loss one more, "
            f"lambda_weights={in_loss:g}; give the optimizer weight_decay=0, or the loss "
            "lambda_weights=0"
        )
