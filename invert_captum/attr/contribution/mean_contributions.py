"""The mean of contributions over many samples, batch by batch."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import torch

from invert_captum.attr.contribution.contributions import Contributions, StandardErrors

if TYPE_CHECKING:
    from collections.abc import Iterable

    from torch import Tensor

    from invert_captum.attr.prediction import ChosenTarget


class RunningMean:
    """Mean and standard error of the columns of rows that come in blocks.

    Source:
        Chan, Golub, LeVeque, *Updating formulae and a pairwise algorithm for computing sample
        variances*, 1979, equation 2.1.

    Examples:
        >>> running = RunningMean()
        >>> for block in torch.tensor([[1.0], [2.0], [6.0]]).split(2):
        ...     running.add(block)
        >>> running.mean.item(), round(running.standard_error().item(), 3)
        (3.0, 1.528)
    """

    def __init__(self) -> None:
        self.n_rows = 0
        self.mean = torch.zeros(())
        self._squares = torch.zeros(())

    def add(self, rows: Tensor) -> None:
        """Take in a block of shape (n, k)."""
        n_before, n_new = self.n_rows, len(rows)
        mean = rows.mean(0)
        shift = mean - self.mean
        self.n_rows = n_before + n_new
        self.mean = self.mean + shift * (n_new / self.n_rows)
        within = (rows - mean).square().sum(0)
        self._squares = self._squares + within + shift.square() * n_before * n_new / self.n_rows

    def standard_error(self) -> Tensor:
        """Return the standard error of the mean, shape (k,); NaN for a single row."""
        if self.n_rows < 2:
            return torch.full_like(self._squares, torch.nan)
        return (self._squares / (self.n_rows - 1) / self.n_rows).sqrt()


def mean_contributions(parts: Iterable[Contributions], target: ChosenTarget) -> Contributions:
    """Return the mean of all rows of ``parts``, in one row, with standard errors.

    Args:
        parts: Contributions of the same neurons, at least one; read once, one at a time.
        target: What the mean is of.
    """
    running = RunningMean()
    last = None
    for last in parts:
        running.add(_columns(last))
    if last is None:
        raise ValueError("inputs has no samples; expected at least one")
    sizes = [len(last.keys), len(last.labels), 1, 1, 1, 1, 1]
    mean = torch.split(running.mean, sizes)
    errors = torch.split(running.standard_error(), sizes)
    return replace(
        last,
        neurons=mean[0][None],
        remainder=mean[2],
        prediction=mean[3],
        baseline_prediction=mean[4],
        target=target,
        n_samples=running.n_rows,
        standard_errors=StandardErrors(
            neurons=errors[0],
            labels=errors[1],
            remainder=errors[2].item(),
            change=errors[5].item(),
            delta=errors[6].item(),
        ),
    )


def _columns(contributions: Contributions) -> Tensor:
    """Return all that is averaged, a row a sample."""
    singles = (
        contributions.remainder,
        contributions.prediction,
        contributions.baseline_prediction,
        contributions.change,
        contributions.delta,
    )
    columns = [contributions.neurons, contributions.label_contributions]
    return torch.cat([*columns, *(one[:, None] for one in singles)], 1)
