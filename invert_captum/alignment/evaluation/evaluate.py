"""`evaluate_alignment`: does a model look where people look?"""

from __future__ import annotations

import operator
from collections.abc import Iterable as IterableABC
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from invert_captum._log import progress, warn
from invert_captum._validation import check_choice, listed, shown
from invert_captum.activations import evaluating
from invert_captum.alignment.evaluation.alignment_scores import AlignmentScores
from invert_captum.alignment.evaluation.attribution_maps import (
    CHANNEL_REDUCTIONS,
    AttributionMethod,
    ChannelReduction,
    MapFunction,
    map_function,
)
from invert_captum.alignment.evaluation.batch_scores import (
    BatchScores,
    check_model,
    score_batch,
)
from invert_captum.alignment.evaluation.evaluated_model import check_evaluable, device_of
from invert_captum.alignment.evaluation.evaluation_settings import EvaluationSettings
from invert_captum.alignment.evaluation.mapped_images import MappedImages, mapped_images
from invert_captum.alignment.evaluation.mean_intervals import check_ceiling, check_resampling
from invert_captum.alignment.evaluation.shuffling_data import warn_of_shuffling
from invert_captum.alignment.metrics.top_pixels import check_percentile

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import numpy.typing as npt
    import torch
    from torch import nn

HUMAN_CEILING = 0.65753
"""Average alignment of people with each other, as Spearman correlation, in the released code."""


def evaluate_alignment(
    model: nn.Module,
    data: Iterable[object],
    attribution: AttributionMethod = None,
    human_ceiling: float = HUMAN_CEILING,
    *,
    channel_reduction: ChannelReduction = "max_absolute",
    attribution_arguments: Mapping[str, Any] | None = None,
    percentile: float = 10,
    confidence_level: float = 0.95,
    n_resamples: int = 9999,
    seed: int = 0,
    device: torch.device | str | None = None,
    show_progress: bool = False,
) -> AlignmentScores:
    """Score how well the attributions of a model agree with human maps, image by image.

    With the defaults that is the evaluation of Fel et al., NeurIPS 2022, in the released code: the
    Spearman correlation of a human map with the maximum over channels of the absolute gradient of
    the label's logit, and alignment as its mean over that of people with each other. The ceiling
    is that of ClickMe's maps; human maps of another source have another one.

    Args:
        model: Gives logits (N, classes) for images; preprocessing is part of it or of the data. It
            is in eval mode while it runs and afterwards as it was.
        data: Batches ``(images (N, C, H, W), labels, heatmaps (N, H, W))`` or ``(images, labels,
            heatmaps, tokens (N,))``, such as a `torch.utils.data.DataLoader` or a list gives.
            Labels are class indices (N,) or one-hot (N, classes). Rows whose token is 0 have no
            human map and are left out. For `compare_alignment` the order must be the same each
            time: without shuffling, and, for a `torch.utils.data.IterableDataset`, with the same
            number of workers.
        attribution: What explains the label of an image. None: `captum.attr.Saliency`. A class of
            `captum.attr`, which is built with the model; an instance of one; or a function of
            images, which require gradients, and class indices (N,) that gives maps (N, H, W) or
            (N, channels, H, W).
        human_ceiling: Mean Spearman correlation of people with each other, in (0, 1].
        channel_reduction: What makes one map of attributions with channels: ``"max_absolute"``, the
            maximum of the absolute values, ``"mean"`` or ``"sum"``, which keep their sign. Maps
            (N, H, W) are taken as they are.
        attribution_arguments: Further arguments of Captum's ``attribute``, such as
            ``{"sliding_window_shapes": (3, 8, 8)}`` of `captum.attr.Occlusion`.
        percentile: The share of highest pixels that Dice and IoU compare, in percent.
        confidence_level: Of all intervals, in (0, 1).
        n_resamples: How often the bootstrap draws images.
        seed: Of these draws.
        device: Where batches are put. None: where the model's first parameter is.
        show_progress: Whether to draw a progress bar on standard error.

    Returns:
        *AlignmentScores*: The scores of every image that has a human map, in the order of the data,
        with means, intervals and tables. The gradients of float32 are rounded differently on
        different machines, which swaps nearly equal ranks.

    Raises:
        TypeError: An argument, a batch or the model's output has a wrong type.
        ValueError: An argument has no valid value; a batch is of wrong sizes, has human maps that
            are NaN, infinite or negative, or labels that the model has not; no row has a human map;
            the model has no gradient to its input, or `torch.inference_mode` is on; or an
            attribution is of another size, NaN or infinite, or an instance that explains another
            model. What is wrong with a batch is said with its number, counted from 0.

    Warns:
        InvertCaptumWarning: The Spearman correlation of some images is NaN, because a map is
            constant. They are left out of the means, of which the released code makes NaN. Or
            ``data`` shuffles, so that its rows cannot be found again; or the model gives
            probabilities.

    Examples:
        >>> import torch
        >>> from captum.attr import InputXGradient
        >>> from torch import nn
        >>> _ = torch.manual_seed(0)
        >>> model = nn.Sequential(nn.Flatten(), nn.Linear(64, 3))
        >>> batch = torch.rand(5, 1, 8, 8), torch.tensor([0, 1, 2, 0, 1]), torch.rand(5, 8, 8)
        >>> scores = evaluate_alignment(model, [batch])
        >>> len(scores), bool(abs(scores.alignment) < 0.5)
        (5, True)
        >>> evaluate_alignment(model, [batch], InputXGradient).settings.attribution
        'InputXGradient'
    """
    check_evaluable(model, "evaluate_alignment")
    check_choice("channel_reduction", channel_reduction, CHANNEL_REDUCTIONS)
    check_resampling(confidence_level, n_resamples, seed)
    explain, name = map_function(model, attribution, attribution_arguments)
    settings = EvaluationSettings(
        name, channel_reduction, check_percentile(percentile), confidence_level, n_resamples, seed
    )
    ceiling = check_ceiling(human_ceiling)
    warn_of_shuffling(data)
    batches = progress(
        mapped_images(_iterable(data), device_of(model) if device is None else device),
        show=show_progress,
        description="Comparing with human maps",
        total=operator.length_hint(data, 0) or None,
    )
    with evaluating(model):
        return _scored(model, explain, batches, settings, ceiling, gradient=attribution is None)


def _scored(
    model: nn.Module,
    explain: MapFunction,
    batches: Iterable[MappedImages],
    settings: EvaluationSettings,
    human_ceiling: float,
    *,
    gradient: bool,
) -> AlignmentScores:
    """Return the scores of all batches, joined; with ``gradient`` the model must have one."""
    parts: list[BatchScores] = []
    rows: list[npt.NDArray[np.int64]] = []
    n_seen = 0
    for batch in batches:
        if len(batch.rows):
            if not parts:
                check_model(model, batch, gradient=gradient)
            parts.append(score_batch(model, explain, batch, settings))
            rows.append(n_seen + batch.rows.numpy())
        n_seen += batch.n_rows
    if not n_seen:
        raise ValueError(
            "data has no rows; expected batches with at least one image. An iterator gives its "
            "batches only once"
        )
    if not parts:
        raise ValueError(
            f"data has {n_seen:,} rows, none with a human map; expected at least one whose token "
            "is above 0"
        )
    joined = BatchScores(*(np.concatenate(part) for part in zip(*parts, strict=True)))
    all_rows = np.concatenate(rows)
    _warn_of_constant_maps(joined, all_rows)
    return AlignmentScores(
        spearman=joined.spearman,
        dice=joined.dice,
        iou=joined.iou,
        labels=joined.labels,
        predicted=joined.predicted,
        fingerprints=joined.fingerprints,
        rows=all_rows,
        n_left_out=n_seen - sum(map(len, rows)),
        human_ceiling=human_ceiling,
        settings=settings,
    )


def _iterable(data: object) -> Iterable[object]:
    if not isinstance(data, IterableABC) and not hasattr(data, "__getitem__"):
        raise TypeError(
            f"data is {shown(data)}; expected batches, such as a DataLoader or a list gives"
        )
    return cast("Iterable[object]", data)


def _warn_of_constant_maps(scores: BatchScores, rows: npt.NDArray[np.int64]) -> None:
    is_nan = np.isnan(scores.spearman)
    without = rows[is_nan].tolist()
    if not without:
        return
    n_human, n_model = int(scores.constant_human.sum()), int(scores.constant_model.sum())
    hint = (
        "; a head of zeros, as a fresh torchvision ViT has, gives maps of zeros" if n_model else ""
    )
    warn(
        f"spearman is NaN for {len(without):,} of {len(is_nan):,} images (rows "
        f"{listed(without)}): the human map is constant for {n_human:,} and the model's for "
        f"{n_model:,}{hint}. They are left out of its mean and of alignment, which the released "
        "code would make NaN"
    )
