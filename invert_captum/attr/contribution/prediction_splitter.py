"""Predictions for many samples split over a layer, in groups that fit into a batch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from invert_captum.activations.batch import to_device
from invert_captum.activations.forward import model_device
from invert_captum.activations.tensor_rows import TensorRows
from invert_captum.attr.contribution.layer_methods import Steps, layer_method, tensor_baselines
from invert_captum.attr.contribution.layer_parts import LayerParts, split_prediction
from invert_captum.attr.prediction import ChosenTarget, target_rows

if TYPE_CHECKING:
    from captum.attr import LayerAttribution
    from torch import Tensor

    from invert_captum.activations.batch import Batch
    from invert_captum.attr.layer_shape import ReducedLayer


class PredictionSplitter:
    """Splits predictions over the neurons of a layer, for as many samples at once as fit.

    Args:
        site: The layer.
        method: One of Captum's layer methods; see `layer_method`.
        steps: How a path is cut.
        baselines: What inputs are compared with; see `tensor_baselines`.

    Raises:
        TypeError: ``method`` is none of those.
        ValueError: ``steps`` are not positive, or the method has no baselines.
    """

    def __init__(
        self, site: ReducedLayer, method: type[LayerAttribution], steps: Steps, baselines: object
    ) -> None:
        self.site = site
        self.method = layer_method(method)
        self.steps = steps
        self.baselines = baselines
        steps.check()
        if baselines is not None and not self.method.from_baselines:
            raise ValueError(
                f"baselines is given, but {self.method.name} has none: its parts are compared with "
                "the prediction for the layer at zero; expected None"
            )

    def __call__(
        self, inputs: tuple[Tensor, ...], extra: tuple[object, ...], target: ChosenTarget
    ) -> LayerParts:
        """Split the predictions for ``inputs``; see `split_prediction`."""
        device = model_device(self.site.model)
        inputs, extra = to_device(inputs, device), to_device(extra, device)
        n_inputs, n_samples = len(inputs), len(inputs[0])
        rows = TensorRows.of((*inputs, *tensor_baselines(self.baselines, inputs)), extra)
        size = self.steps.samples_at_once(self.method, n_samples)
        parts = []
        for start in range(0, n_samples, size):
            arguments = rows.between(start, start + size).arguments
            parts.append(
                split_prediction(
                    self.site,
                    self.method,
                    self.steps,
                    arguments[:n_inputs],
                    arguments[n_inputs : 2 * n_inputs],
                    target=target_rows(target, start, start + size),
                    additional_forward_args=arguments[2 * n_inputs :],
                )
            )
        return LayerParts.joined(parts, target)


def batch_arguments(batch: Batch, n_inputs: int) -> tuple[tuple[Tensor, ...], tuple[object, ...]]:
    """Return the inputs of a batch, and the arguments that follow them.

    Raises:
        TypeError: the batch has arguments by name.
    """
    if batch.keywords:
        raise TypeError(
            f"inputs gives arguments by name ({', '.join(batch.keywords)}), which Captum does not "
            "take; expected batches of tensors"
        )
    inputs = batch.positional[:n_inputs]
    return inputs, batch.positional[n_inputs:]  # type: ignore[return-value]
