"""A prediction split over labelled neurons: numbers, tables, and one sentence."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import torch

from invert_captum._validation import check_integer

if TYPE_CHECKING:
    import pandas as pd
    from torch import Tensor

    from invert_captum.attr.prediction import ChosenTarget
    from invert_captum.result.explanation import Explanation
    from invert_captum.result.labeled_neurons import Key
    from invert_captum.search import Formula


@dataclass(frozen=True, eq=False)
class StandardErrors:
    """Standard errors of means over samples; NaN for a single sample.

    Attributes:
        neurons: Of `Contributions.neurons`, shape (m,).
        labels: Of the sums over neurons with the same label, in the order of
            `Contributions.labels`.
        remainder: Of `Contributions.remainder`.
        change: Of `Contributions.change`.
        delta: Of `Contributions.delta`.
    """

    neurons: Tensor
    labels: Tensor
    remainder: float
    change: float
    delta: float


@dataclass(frozen=True, eq=False, repr=False)
class Contributions:
    """What each labelled neuron of a layer adds to predictions, as `ConceptContribution` finds it.

    For every sample ``neurons.sum() + remainder - delta == change`` to rounding in float64.

    Attributes:
        neurons: What each labelled neuron contributes, float64 of shape (n, m).
        keys: Which neurons these are: what ``result[key]`` takes.
        explanations: Their labels.
        remainder: What all else in the layer contributes, shape (n,): neurons without a
            (significant) label, and positions at which no neuron was labelled.
        prediction: The model's output at ``target``, shape (n,).
        baseline_prediction: The one that it is compared with, shape (n,): for the baselines; for
            `LayerGradientXActivation` with the layer set to zero.
        target: Which output was split; in a mean over samples those of the samples, or
            ``"predicted"``.
        method: Name of Captum's class.
        significant_only: Whether only neurons with a significant label stand by themselves.
        n_samples: Over how many samples a row is the mean.
        standard_errors: Those of such a mean, else None.

    Examples:
        >>> import torch
        >>> from torch import nn
        >>> import invert_captum as ic
        >>> from invert_captum.attr import ConceptContribution
        >>> model = nn.Sequential(nn.Identity(), nn.Linear(2, 1, bias=False))
        >>> model[1].weight.data[:] = torch.tensor([[2.0, -1.0]])
        >>> shown = torch.rand(400, 2, generator=torch.Generator().manual_seed(0)) < 0.3
        >>> concepts = ic.ConceptSet(shown, ["dog", "cat"])
        >>> labeler = ic.NeuronConceptLabeler(model, "0")
        >>> result = labeler.interpret(shown.float(), concepts, max_length=1)
        >>> contribution = ConceptContribution(model, "0", result)
        >>> contributions = contribution.attribute(torch.tensor([[3.0, 1.0]]), target=0)
        >>> [round(number, 2) for number in contributions.by_label()[0]]
        [5.99, -1.0]
        >>> contributions.labels, contributions.label_contributions.shape
        ((Formula('dog'), Formula('cat')), torch.Size([1, 2]))
        >>> contributions.to_frame()[["label", "n_neurons"]].values.tolist()
        [['dog', 1], ['cat', 1], ['remainder', 0], ['missed by the method', 0]]
        >>> contributions.change, contributions.delta.abs() < 0.02
        (tensor([5.], dtype=torch.float64), tensor([True]))
        >>> contributions.describe(target_name="kennel").partition(";")[0]
        'kennel: +5.00 over the baseline because of dog (+5.99), in spite of cat (-1.00)'
        >>> both = contribution.attribute(torch.tensor([[3.0, 1.0], [1.0, 1.0]]), target=0)
        >>> both.row_of(1), both.mean().change, both.mean().n_samples
        (1, tensor([3.], dtype=torch.float64), 2)
    """

    neurons: Tensor
    keys: tuple[Key, ...]
    explanations: tuple[Explanation, ...]
    remainder: Tensor
    prediction: Tensor
    baseline_prediction: Tensor
    target: ChosenTarget = None
    method: str = "LayerConductance"
    significant_only: bool = True
    n_samples: int = 1
    standard_errors: StandardErrors | None = None

    def __repr__(self) -> str:
        mean = f", mean of {self.n_samples:,}" if self.n_samples > 1 else ""
        return (
            f"Contributions({len(self.neurons):,} samples{mean}; {len(self.keys):,} labelled "
            f"neurons, {len(self.labels):,} labels; {self.method})"
        )

    @property
    def change(self) -> Tensor:
        """By how much the prediction differs from that of the baseline, shape (n,)."""
        return self.prediction - self.baseline_prediction

    @property
    def delta(self) -> Tensor:
        """By how much the parts exceed the change, shape (n,): the method's own error.

        As in Captum, parts − change. Beside the error of the approximation it holds what goes
        around the layer.
        """
        return self.neurons.sum(1) + self.remainder - self.change

    @cached_property
    def labels(self) -> tuple[Formula, ...]:
        """The labels, each once, in the order of their first neurons."""
        formulas = (one.formula for one in self.explanations)
        return tuple(dict.fromkeys(one for one in formulas if one is not None))

    @cached_property
    def label_contributions(self) -> Tensor:
        """What the neurons of each of `labels` contribute together, shape (n, number of labels)."""
        place = {label: index for index, label in enumerate(self.labels)}
        columns = [place[one.formula] for one in self.explanations if one.formula is not None]
        sums = self.neurons.new_zeros(len(self.neurons), len(self.labels))
        return sums.index_add_(1, torch.tensor(columns, dtype=torch.int64), self.neurons)

    def by_label(self) -> pd.DataFrame:
        """Return the contributions of equal labels, summed.

        Returns:
            *pandas.DataFrame*, a row a label (the formula as text) and a column a sample; the
            label with the largest mean contribution, up or down, comes first.
        """
        import pandas as pd

        order = self.label_contributions.mean(0).abs().argsort(descending=True, stable=True)
        return pd.DataFrame(
            self.label_contributions[:, order].T.numpy(),
            index=pd.Index([str(self.labels[i]) for i in order.tolist()], name="label"),
            columns=pd.RangeIndex(len(self.neurons), name="sample"),
        )

    def to_frame(self, sample: int = 0) -> pd.DataFrame:
        """Return the split of one sample, the largest contributions first.

        The ``contribution`` of all rows adds up to the change.

        Args:
            sample: Which row.

        Returns:
            *pandas.DataFrame* with the columns ``kind`` ("label"; "remainder" and "delta" in the
            last two rows), ``label`` (the formula as text), ``contribution`` (in the last row
            minus `delta`), ``standard_error`` (NaN unless this is a mean), ``n_neurons``,
            ``neurons`` (their keys) and ``heldout_auc`` (of the best of them).

        Raises:
            TypeError: ``sample`` is no integer.
            ValueError: there is no such sample.
        """
        from invert_captum.attr.contribution.contribution_table import to_frame

        return to_frame(self, self.row_of(sample))

    def mean(self) -> Contributions:
        """Return the mean over the samples, in one row, with standard errors.

        A mean is returned as it is.

        Returns:
            *Contributions* of one row, with `n_samples` and `standard_errors`.
        """
        from invert_captum.attr.contribution.mean_contributions import mean_contributions

        return self if self.n_samples > 1 else mean_contributions([self], self.target)

    def describe(self, sample: int = 0, top: int = 5, target_name: str | None = None) -> str:
        """Say in one sentence what the prediction is made of.

        The numbers in brackets add up to the change, within rounding.

        Args:
            sample: Which row.
            top: How many labels to name, those with the largest contributions.
            target_name: What the target is called, such as ``"mosque"``.

        Returns:
            *str*, such as ``mosque: +9.10 over the baseline because of dome & ~tower (+5.60), flag
            (+2.40), in spite of square (-0.50); 37 other labels (+0.39), neurons without a
            significant label (+1.20), missed by the method (+0.01)``.

        Raises:
            TypeError: ``sample`` or ``top`` is no integer.
            ValueError: there is no such sample, or ``top`` is no positive number.
        """
        from invert_captum.attr.contribution.contribution_table import describe

        check_integer("top", top, minimum=1)
        return describe(self, self.row_of(sample), top, target_name)

    def row_of(self, sample: int) -> int:
        """Return the number of a row, once it is sure that there is such a row.

        Args:
            sample: The number, from 0.

        Returns:
            *int*: the same number.

        Raises:
            TypeError: ``sample`` is no integer.
            ValueError: there is no such row.
        """
        row = check_integer("sample", sample, minimum=0)
        if row >= len(self.neurons):
            raise ValueError(
                f"sample is {sample}, but there are {len(self.neurons)}; "
                f"expected 0 to {len(self.neurons) - 1}"
            )
        return row
