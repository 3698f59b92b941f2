"""The loss of Harmonization: cross-entropy, weight decay, and agreement with human maps."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import nn

from invert_captum._validation import check_fraction, shown
from invert_captum.alignment.loss.batch_checks import check_human_maps, check_images, class_weights
from invert_captum.alignment.loss.cross_entropy import smoothed_cross_entropy
from invert_captum.alignment.loss.decayed_parameters import decayed_parameters, half_squared_norm
from invert_captum.alignment.loss.saliency import signed_saliency
from invert_captum.alignment.loss.second_derivatives import attention_that_differentiates_twice
from invert_captum.alignment.maps.map_checks import check_number
from invert_captum.alignment.maps.map_pyramid import pyramidal_mse
from invert_captum.alignment.maps.standardizing import standardize_cut

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

_N_LEVELS = 5
_NEAR_ZERO = 1e-6


class HarmonizationTerms(NamedTuple):
    """The loss and its terms, tensors without axes.

    ``total = cross_entropy + lambda_weights * weight_decay + lambda_harmonization *
    harmonization``: the terms are without their factors, so that they can be compared between runs.

    Attributes:
        total: What is minimised.
        cross_entropy: Mean over the batch, of the smoothed labels.
        weight_decay: Half the squared norm of `decayed_parameters`.
        harmonization: The mean squared difference of saliency and human maps, over five levels.

    Examples:
        >>> import torch
        >>> from torch import nn
        >>> from invert_captum.alignment import harmonization_loss
        >>> _ = torch.manual_seed(0)
        >>> model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.SiLU(), nn.Flatten(), nn.Linear(144, 2))
        >>> images, heatmaps = torch.rand(2, 3, 8, 8), torch.rand(2, 8, 8)
        >>> terms = harmonization_loss(model, images, torch.tensor([0, 1]), heatmaps)
        >>> total = terms.cross_entropy + 1e-5 * terms.weight_decay + terms.harmonization
        >>> torch.isclose(terms.total, total)
        tensor(True)
    """

    total: torch.Tensor
    cross_entropy: torch.Tensor
    weight_decay: torch.Tensor
    harmonization: torch.Tensor


def harmonization_loss(
    model: nn.Module,
    images: torch.Tensor,
    labels: torch.Tensor,
    heatmaps: torch.Tensor,
    tokens: torch.Tensor | None = None,
    *,
    lambda_harmonization: float = 1.0,
    lambda_weights: float = 1e-5,
    label_smoothing: float = 0.1,
) -> HarmonizationTerms:
    r"""Return the harmonization loss of a batch, to be minimised.

    .. math::
        L = \mathrm{CE} + \lambda_w \tfrac12 \sum_v \lVert v \rVert^2
            + \lambda \frac15 \sum_{i=0}^{4} \mathrm{mean}_{n,h,w}
              \bigl[t_n (P_i z(s_n) - P_i H_n)^2\bigr]

    s is the mean over channels of the signed gradient of the target logit at the image,
    differentiated further; z is `standardize_cut`, P the `pyramid`, and H the human map, put
    through z and scaled to the largest value of z(s), which is taken as a constant. Rows with
    token 0 have no human map; they count in the mean, as in the reference.

    The model runs in the mode that it is in, once. Under `torch.autocast` the model's own
    operations are cast, the loss itself is computed in float32; in float16 the gradient at the
    images is scaled, so that it does not become 0. Under `torch.no_grad` the value is the same,
    without a graph. The second derivative costs a few plain training steps; a batch without any
    token, and ``lambda_harmonization=0``, do without.

    Args:
        model: A classifier: images to logits of shape (N, K). Needs a second derivative: attention
            runs under the MATH kernel of `scaled_dot_product_attention` for that. Where parts of
            it run under `torch.utils.checkpoint` (with ``use_reentrant=False``), call ``backward``
            under that kernel too, as `harmonization_step` does.
        images: The images, of shape (N, C, H, W), as the model takes them.
        labels: Class indices, integers of shape (N,), or one-hot or soft rows of shape (N, K).
        heatmaps: Human maps, of shape (N, H, W), at least 0, in any unit; blurred as the model
            is to see them (see `gaussian_blur`). Ignored where the token is 0, whatever they hold.
        tokens: The weight of each human map, of shape (N,), at least 0; None means 1 for each.
        lambda_harmonization: λ, at least 0.
        lambda_weights: The factor of the weight decay, at least 0. Give the optimizer a weight
            decay of 0 then. `decayed_parameters` says what it holds.
        label_smoothing: The share of a label that is spread over all classes, in [0, 1].

    Returns:
        *HarmonizationTerms*: the total and its terms.

    Raises:
        TypeError: If an argument is of another kind.
        ValueError: If shapes do not fit; if a token, or a map that has one, is negative, infinite
            or NaN; if an image is infinite or NaN; if a label is no class; if the logits do not
            depend on the images by a gradient; if the model has operations without a second
            derivative (Hardsigmoid, so MobileNetV3) or is compiled through AOTAutograd.

    Warns:
        InvertCaptumWarning: If a label's row does not sum to one, or if a human map with a token is
            the same everywhere; both are computed as the reference does. If the model's logits look
            like probabilities.

    Source: Fel et al., "Harmonizing the object recognition strategies of deep neural networks with
    humans", NeurIPS 2022 (arXiv 2211.04533), equation 2 and section 4; constants and the signed
    mean over channels of the released code.

    Examples:
        >>> import torch
        >>> _ = torch.manual_seed(0)
        >>> from torch import nn
        >>> model = nn.Sequential(
        ...     nn.Conv2d(3, 4, 3), nn.SiLU(), nn.Flatten(), nn.Linear(4 * 6 * 6, 2)
        ... )
        >>> images, heatmaps = torch.rand(2, 3, 8, 8), torch.rand(2, 8, 8)
        >>> loss = harmonization_loss(model, images, torch.tensor([0, 1]), heatmaps)
        >>> loss.total.backward()
        >>> loss._fields
        ('total', 'cross_entropy', 'weight_decay', 'harmonization')
    """
    decay_factor, map_factor = _checked_factors(lambda_weights, lambda_harmonization)
    label_smoothing = check_fraction("label_smoothing", label_smoothing)
    if not isinstance(model, nn.Module):
        raise TypeError(f"model must be a torch.nn.Module, got {shown(model)}")
    if torch.is_inference_mode_enabled():
        raise ValueError("the loss needs gradients, which torch.inference_mode forbids for good; "
                         "use torch.no_grad")  # fmt: skip
    images = check_images(images)
    heatmaps, tokens = check_human_maps(images, heatmaps, tokens)
    has_maps = bool(tokens.any())
    differentiated = torch.is_grad_enabled()
    with torch.enable_grad(), attention_that_differentiates_twice():
        images = images.detach().requires_grad_(has_maps)
        logits = _checked_logits(model(images), len(images))
    weights = class_weights(labels, logits)
    float16 = _in_float16(images, logits)
    # The attention's kernel is chosen here too, because checkpointed parts run again for gradients.
    with _without_autocast(images), attention_that_differentiates_twice():
        if has_maps:
            twice = differentiated and map_factor > 0
            saliency = signed_saliency(
                model, images, logits, weights, create_graph=twice, float16=float16
            )
            harmonization = _disagreement(saliency, heatmaps, tokens)
        else:
            harmonization = weights.new_zeros(())
        decay = half_squared_norm(decayed_parameters(model), like=weights)
        entropy = smoothed_cross_entropy(logits.to(weights), weights, label_smoothing)
        total = entropy + decay_factor * decay + map_factor * harmonization
        terms = HarmonizationTerms(total, entropy, decay, harmonization)
    return terms if differentiated else HarmonizationTerms(*(term.detach() for term in terms))


def _checked_factors(lambda_weights: float, lambda_harmonization: float) -> tuple[float, float]:
    return (
        check_number("lambda_weights", lambda_weights, zero_allowed=True),
        check_number("lambda_harmonization", lambda_harmonization, zero_allowed=True),
    )


def _checked_logits(logits: object, n_images: int) -> torch.Tensor:
    if not isinstance(logits, torch.Tensor):
        raise TypeError(
            f"model must return a tensor of logits, got {type(logits).__name__}; wrap it in a "
            "module that returns the logits alone"
        )
    if logits.ndim != 2 or len(logits) != n_images:
        raise ValueError(
            f"model must return logits of shape ({n_images}, K), got {tuple(logits.shape)}"
        )
    return logits


def _without_autocast(images: torch.Tensor) -> AbstractContextManager[None]:
    context: AbstractContextManager[None] = torch.autocast(images.device.type, enabled=False)
    return context


def _in_float16(images: torch.Tensor, logits: torch.Tensor) -> bool:
    """Tell whether the model, as it was called, computes in float16."""
    device = images.device.type
    cast = torch.is_autocast_enabled(device) and torch.get_autocast_dtype(device) == torch.float16
    return cast or torch.float16 in (images.dtype, logits.dtype)


def _disagreement(
    saliency: torch.Tensor, heatmaps: torch.Tensor, tokens: torch.Tensor
) -> torch.Tensor:
    predicted = standardize_cut(saliency)
    true = standardize_cut(heatmaps.to(predicted))
    largest = predicted.detach().amax(dim=(1, 2), keepdim=True)
    true = true / (true.amax(dim=(1, 2), keepdim=True) + _NEAR_ZERO) * (largest + _NEAR_ZERO)
    return pyramidal_mse(true, predicted, tokens, _N_LEVELS)


class HarmonizationLoss(nn.Module):
    """`harmonization_loss` as a module that holds its settings.

    Args:
        lambda_harmonization: λ, at least 0.
        lambda_weights: The factor of the weight decay, at least 0.
        label_smoothing: The share of a label that is spread over all classes, in [0, 1].

    Raises:
        TypeError: If a factor or the smoothing is no number.
        ValueError: If a factor is negative or not finite, or the smoothing not in [0, 1].

    Source: Fel et al., NeurIPS 2022, equation 2.

    Examples:
        >>> import torch
        >>> from torch import nn
        >>> loss = HarmonizationLoss(lambda_harmonization=0.5)
        >>> loss
        HarmonizationLoss(lambda_harmonization=0.5, lambda_weights=1e-05, label_smoothing=0.1)
        >>> loss.extra_repr()
        'lambda_harmonization=0.5, lambda_weights=1e-05, label_smoothing=0.1'
        >>> _ = torch.manual_seed(0)
        >>> model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.SiLU(), nn.Flatten(), nn.Linear(144, 2))
        >>> images, heatmaps = torch.rand(2, 3, 8, 8), torch.rand(2, 8, 8)
        >>> terms = loss(model, images, torch.tensor([0, 1]), heatmaps)
        >>> terms.total.backward()
    """

    def __init__(
        self,
        *,
        lambda_harmonization: float = 1.0,
        lambda_weights: float = 1e-5,
        label_smoothing: float = 0.1,
    ) -> None:
        super().__init__()
        factors = _checked_factors(lambda_weights, lambda_harmonization)
        self.lambda_weights, self.lambda_harmonization = factors
        self.label_smoothing = check_fraction("label_smoothing", label_smoothing)

    def forward(
        self,
        model: nn.Module,
        images: torch.Tensor,
        labels: torch.Tensor,
        heatmaps: torch.Tensor,
        tokens: torch.Tensor | None = None,
    ) -> HarmonizationTerms:
        """Return `harmonization_loss` of a batch with the settings of this module.

        Args:
            model: As in `harmonization_loss`.
            images: As in `harmonization_loss`.
            labels: As in `harmonization_loss`.
            heatmaps: As in `harmonization_loss`.
            tokens: As in `harmonization_loss`.

        Returns:
            *HarmonizationTerms*: the total and its terms.

        Raises:
            TypeError: As `harmonization_loss`.
            ValueError: As `harmonization_loss`.

        Warns:
            InvertCaptumWarning: As `harmonization_loss`.
        """
        return harmonization_loss(
            model,
            images,
            labels,
            heatmaps,
            tokens,
            lambda_harmonization=self.lambda_harmonization,
            lambda_weights=self.lambda_weights,
            label_smoothing=self.label_smoothing,
        )

    def extra_repr(self) -> str:
        """Return the settings as the module prints them.

        Returns:
            *str*: names and values, separated by commas.
        """
        return (
            f"lambda_harmonization={self.lambda_harmonization}, "
            f"lambda_weights={self.lambda_weights}, label_smoothing={self.label_smoothing}"
        )
