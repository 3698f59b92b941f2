"""A prediction split over the labelled neurons of a layer, and over their labels."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from captum.attr import LayerAttribution, LayerConductance
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from invert_captum._log import progress
from invert_captum._validation import check_integer
from invert_captum.activations.batches import (
    Inputs,
    check_inputs,
    count_batches,
    further_arguments,
    input_batches,
)
from invert_captum.activations.reducers import Reducer, check_reducer
from invert_captum.attr.contribution.contributions import Contributions
from invert_captum.attr.contribution.layer_methods import Steps, check_one_row
from invert_captum.attr.contribution.mean_contributions import mean_contributions
from invert_captum.attr.contribution.prediction_splitter import PredictionSplitter, batch_arguments
from invert_captum.attr.layer_neurons import NamedLayer, extraction_of
from invert_captum.attr.layer_shape import ReducedLayer
from invert_captum.attr.prediction import ChosenTarget, check_target

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from invert_captum.attr.contribution.layer_parts import LayerParts
    from invert_captum.result import LabelingResult
    from invert_captum.result.explanation import Explanation


class ConceptContribution(LayerAttribution):  # type: ignore[misc]
    """Splits predictions over the labelled neurons of a layer and over their labels.

    One of Captum's layer methods attributes the prediction to the layer; a neuron contributes the
    sum over its positions, or, where it was labelled at one position (``"first"``, ``"last"``,
    ``"center"``), what that position does. Neurons without a significant label, and positions at
    which none was labelled, are one remainder. Labels and remainder add up to the change of the
    prediction within the method's convergence delta, which is kept.

    What the parts add up to is

    - F(inputs) − F(baselines) for `LayerConductance` (Dhamdhere et al. 2018, arXiv 1805.12233),
      `LayerIntegratedGradients` (Sundararajan et al. 2017, arXiv 1703.01365) and `LayerDeepLift`
      (Shrikumar et al. 2017, arXiv 1704.02685);
    - F(inputs) − F(inputs, with the layer set to zero) for `LayerGradientXActivation`, exactly so
      if the model is linear behind the layer.

    That holds for a layer through which all information goes; the delta has what goes around it.
    A label says what its neuron responds to in general, not that the concept is in this input.
    Unless the model is linear behind the layer, `LayerConductance` takes many steps to come close.
    `LayerDeepLift` works on a copy in which its rule reaches ReLU6 and modules that run again.

    Args:
        forward_func: The model. It is run in eval mode and left as it was.
        layer: A module of it that runs once and gives one tensor, or its dotted name.
        result: Labels of the layer's neurons; of a result of several layers those of this one.
        device_ids: Devices of a `torch.nn.DataParallel` model inside another module.
        significant_only: Whether neurons with a label that is not significant belong to the
            remainder.

    Raises:
        TypeError: ``forward_func`` is no module, ``layer`` neither module nor name.
        ValueError: the model has no such layer, ``result`` has no labels of it, or tested none of
            them while ``significant_only`` is True.

    Examples:
        >>> import torch
        >>> from torch import nn
        >>> import invert_captum as ic
        >>> model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(64, 10))
        >>> images = torch.rand(200, 1, 6, 6)
        >>> concepts = ic.ConceptSet(images[:, 0, :2, 0] > 0.5, ["corner", "edge"])
        >>> labeler = ic.NeuronConceptLabeler(model, "0")
        >>> result = labeler.interpret(images, concepts)
        >>> contribution = ConceptContribution(model, "0", result, significant_only=False)
        >>> contributions = contribution.attribute(images[:5], target="predicted")
        >>> contributions.neurons.shape
        torch.Size([5, 4])
        >>> parts = contributions.neurons.sum(1) + contributions.remainder
        >>> torch.allclose(parts - contributions.delta, contributions.change)
        True
        >>> mean = contribution.attribute_class(images, target=3)
        >>> mean.n_samples, mean.neurons.shape
        (200, torch.Size([1, 4]))
    """

    def __init__(
        self,
        forward_func: nn.Module,
        layer: nn.Module | str,
        result: LabelingResult,
        device_ids: Sequence[int] | None = None,
        *,
        significant_only: bool = True,
    ) -> None:
        if not isinstance(forward_func, nn.Module):
            raise TypeError(
                f"forward_func is of type {type(forward_func).__name__}; expected a torch.nn.Module"
            )
        self._named = NamedLayer.of(forward_func, layer)
        super().__init__(forward_func, self._named.module, device_ids)
        self.result = result
        self.significant_only = significant_only
        self._explanations = _labelled(self._named.explanations_of(result), significant_only)

    def attribute(
        self,
        inputs: Tensor | tuple[Tensor, ...],
        target: ChosenTarget = None,
        method: type[LayerAttribution] = LayerConductance,
        *,
        baselines: object = None,
        additional_forward_args: object = None,
        n_steps: int = 50,
        internal_batch_size: int | None = None,
        attribute_to_layer_input: bool | None = None,
        neuron_dim: int | None = None,
        reduce: Reducer | None = None,
    ) -> Contributions:
        """Split the prediction for each sample.

        Args:
            inputs: A tensor or a tuple of tensors, moved to the device of the model.
            target: Which output, in all of Captum's forms; None where the model gives one number
                per sample; ``"predicted"`` for the class with each sample's highest output.
            method: `LayerConductance`, `LayerIntegratedGradients`, `LayerGradientXActivation` or
                `LayerDeepLift` of `captum.attr`.
            baselines: What ``inputs`` are compared with: None for zeros, a number, a tensor of
                the shape of the inputs or with one row, or a tuple of these.
                `LayerGradientXActivation` has none.
            additional_forward_args: Further arguments of the model by position. Methods with
                baselines take tensors with one row per sample only.
            n_steps: Steps of the path, for the methods with one.
            internal_batch_size: How many points of paths go through the model at once; None for
                all steps of all samples.
            attribute_to_layer_input: Whether neurons are what the layer gets instead of what it
                gives. None: as in the extraction of ``result``, else False.
            neuron_dim: Axis of the neurons. None: as in that extraction, else as in
                `invert_captum.activations.reduce_output`.
            reduce: How neurons were reduced over positions. None: as in that extraction, else
                ``"mean"``.

        Returns:
            *Contributions* of n samples.

        Raises:
            TypeError: an argument has the wrong type, or ``method`` is another class.
            ValueError: an argument has no valid value; the layer does not run once per forward
                pass or has fewer neurons than labels; neurons were reduced over positions by a
                function, so that their positions are not known.
        """
        if isinstance(inputs, (DataLoader, Dataset)):
            raise TypeError(
                f"inputs is a {type(inputs).__name__}; expected a tensor or a tuple of tensors, or "
                "attribute_class, which averages over a data set"
            )
        check_inputs(inputs)
        tensors = inputs if isinstance(inputs, tuple) else (inputs,)
        check_target(target, len(tensors[0]))
        split = PredictionSplitter(
            self._site(attribute_to_layer_input, neuron_dim, reduce),
            method,
            Steps(n_steps, internal_batch_size),
            baselines,
        )
        parts = split(tensors, further_arguments(additional_forward_args), target)
        return self._contributions(parts, split.method.name)

    def attribute_class(
        self,
        inputs: Inputs,
        target: ChosenTarget = None,
        method: type[LayerAttribution] = LayerConductance,
        *,
        baselines: object = None,
        additional_forward_args: object = None,
        n_steps: int = 50,
        internal_batch_size: int | None = 64,
        attribute_to_layer_input: bool | None = None,
        neuron_dim: int | None = None,
        reduce: Reducer | None = None,
        batch_size: int = 32,
        show_progress: bool = False,
    ) -> Contributions:
        """Split the predictions for a data set, such as all pictures of a class, on average.

        Args:
            inputs: A tensor, a tuple of tensors, a map-style data set, or a loader, as in
                `NeuronConceptLabeler.extract`, without arguments by name.
            target: One target for all samples, or ``"predicted"`` for each sample's own class.
            method: This and the other arguments are as in `attribute`.
            baselines: Tensors have one row.
            additional_forward_args: Of whole tensors, those with one row per sample are cut along.
            n_steps: As in `attribute`.
            internal_batch_size: As in `attribute`.
            attribute_to_layer_input: As in `attribute`.
            neuron_dim: As in `attribute`.
            reduce: As in `attribute`.
            batch_size: How many samples of tensors and data sets are read at once.
            show_progress: Draw a progress bar.

        Returns:
            *Contributions* of one row, the mean, with standard errors over the samples.

        Raises:
            TypeError: as `attribute`; or batches are not tensors.
            ValueError: as `attribute`; or there is a target or a baseline per sample.
        """
        check_inputs(inputs)
        check_integer("batch_size", batch_size, minimum=1)
        check_target(target, None)
        check_one_row(baselines)
        split = PredictionSplitter(
            self._site(attribute_to_layer_input, neuron_dim, reduce),
            method,
            Steps(n_steps, internal_batch_size),
            baselines,
        )
        batches = progress(
            input_batches(inputs, batch_size, additional_forward_args),
            show=show_progress,
            description="contributions",
            total=count_batches(inputs, batch_size),
        )
        n_inputs = len(inputs) if isinstance(inputs, tuple) else 1

        def parts() -> Iterator[Contributions]:
            for batch in batches:
                tensors, extra = batch_arguments(batch, n_inputs)
                yield self._contributions(split(tensors, extra, target), split.method.name)

        return mean_contributions(parts(), target)

    def _site(
        self, at_input: bool | None, neuron_dim: int | None, reduce: Reducer | None
    ) -> ReducedLayer:
        """Return the layer, with what the extraction of the result says where an argument is None.

        That tells of a function only its name.
        """
        made_reduce, made_dim, made_at_input = extraction_of(self.result)
        if reduce is not None:
            check_reducer(reduce, neuron_dim)
        if neuron_dim is None and not callable(reduce):
            neuron_dim = made_dim
        return ReducedLayer(
            self.forward_func,
            self.layer,
            self._named.name,
            cast("Reducer", made_reduce) if reduce is None else reduce,
            neuron_dim,
            self.device_ids,
            made_at_input if at_input is None else at_input,
        )

    def _contributions(self, parts: LayerParts, method: str) -> Contributions:
        columns = [one.neuron for one in self._explanations]
        n_neurons = parts.neurons.shape[1]
        if columns and max(columns) >= n_neurons:
            raise ValueError(
                f"result has neuron {max(columns)}, but layer {self._named.name!r} has "
                f"{n_neurons} neurons; expected labels of the same layer, reduced in the same way"
            )
        neurons = parts.neurons[:, columns]
        keyed = self.result.keyed_by_layer
        keys = [(str(one.layer), one.neuron) if keyed else one.neuron for one in self._explanations]
        return Contributions(
            neurons,
            tuple(keys),
            tuple(self._explanations),
            parts.total - neurons.sum(1),
            parts.prediction,
            parts.baseline_prediction,
            parts.target,
            method,
            self.significant_only,
        )


def _labelled(explanations: Sequence[Explanation], significant_only: bool) -> list[Explanation]:
    """Return the explanations that stand by themselves, by column."""
    if significant_only and all(one.significant is None for one in explanations):
        raise ValueError(
            "significant_only is True, but the result tested no label of this layer; expected "
            "significant_only=False, or a result with a significance"
        )
    chosen = [
        one
        for one in explanations
        if one.formula is not None and (one.significant or not significant_only)
    ]
    return sorted(chosen, key=lambda one: one.neuron)
