"""Any attribution as one map a picture, of the picture's size."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any, Literal, TypeAlias

from captum.attr import Saliency
from torch import Tensor, nn

from invert_captum._validation import check_choice, listed, shown

MapFunction: TypeAlias = Callable[[Tensor, Tensor], Tensor]
"""From images (N, C, H, W) and class indices (N,) to maps (N, H, W) or (N, channels, H, W)."""

AttributionMethod: TypeAlias = Any
"""None for saliency, a Captum attribution class, an instance of one, or a `MapFunction`."""

ChannelReduction: TypeAlias = Literal["max_absolute", "mean", "sum"]
"""How the channels of an attribution become one map."""

CHANNEL_REDUCTIONS: tuple[ChannelReduction, ...] = ("max_absolute", "mean", "sum")

_METHODS = (
    "None for saliency, a class of captum.attr such as IntegratedGradients, an instance of one, or "
    "a function of images and labels"
)
# What the evaluation fills in itself.
_RESERVED = ("inputs", "target")
# What Captum calls the first argument of attributions that are built with another one.
_WRAPPED = ("attribution_method", "attr_method")


def map_function(
    model: nn.Module,
    attribution: AttributionMethod = None,
    arguments: Mapping[str, Any] | None = None,
) -> tuple[MapFunction, str]:
    """Return the function that explains classes of images, and its name.

    Args:
        model: What a class of Captum is built with.
        attribution: What explains; see `evaluate_alignment`.
        arguments: Further arguments of Captum's ``attribute``.

    Raises:
        TypeError: ``attribution`` is nothing of the kind, or an argument is missing, or not to be
            given.
        ValueError: ``attribution`` is an instance that explains a model of which ``model`` has no
            part.

    Examples:
        >>> import torch
        >>> from torch import nn
        >>> model = nn.Sequential(nn.Flatten(), nn.Linear(4, 2, bias=False))
        >>> _ = model[1].weight.data.copy_(torch.arange(8.0).reshape(2, 4))
        >>> explain, name = map_function(model)
        >>> name, explain(torch.rand(1, 1, 2, 2), torch.tensor([1])).tolist()
        ('Saliency', [[[[4.0, 5.0], [6.0, 7.0]]]])
    """
    given = dict(arguments or {})
    method = Saliency if attribution is None else attribution
    if isinstance(method, type) and hasattr(method, "attribute"):
        method = _built(method, model)
    if hasattr(method, "attribute"):
        _check_explained(method, model)
        return _captum_function(method, given), type(method).__name__
    if not callable(method) or isinstance(method, type):
        raise TypeError(f"attribution is {shown(method)}; expected {_METHODS}")
    if given:
        raise TypeError(
            f"attribution_arguments has {listed(list(given))}, but attribution is a function, "
            "which gets images and labels only; expected none"
        )
    return _on_copies(method), getattr(method, "__name__", type(method).__name__)


def single_maps(
    attributions: object, images: Tensor, reduction: ChannelReduction, place: str
) -> Tensor:
    """Return attributions as maps (N, H, W), detached.

    Args:
        attributions: Shape (N, H, W), or (N, channels, H, W), of any number of channels.
        images: Whose attributions they are, shape (N, C, H, W).
        reduction: ``"max_absolute"``, ``"mean"`` or ``"sum"`` over the channels. Maps without
            channels are taken as they are.
        place: What error messages call the batch.

    Raises:
        TypeError: They are no tensor of real numbers.
        ValueError: Their shape is another, or they have NaN or infinite values.

    Examples:
        >>> import torch
        >>> signed = torch.tensor([[[[1.0, 0.0]], [[-3.0, 2.0]]]])
        >>> single_maps(signed, torch.rand(1, 3, 1, 2), "max_absolute", "batch 0").tolist()
        [[[3.0, 2.0]]]
    """
    check_choice("channel_reduction", reduction, CHANNEL_REDUCTIONS)
    if not isinstance(attributions, Tensor) or attributions.is_complex():
        kind = attributions.dtype if isinstance(attributions, Tensor) else type(attributions)
        raise TypeError(
            f"attribution gives {kind} for {place}; expected one tensor of real numbers, (N, H, W) "
            "or (N, C, H, W)"
        )
    n, _, *size = images.shape
    shape = attributions.shape
    if len(shape) not in (3, 4) or shape[0] != n or list(shape[-2:]) != size or 0 in shape[1:]:
        raise ValueError(
            f"attribution gives shape {tuple(shape)} for {place}, whose images are "
            f"{tuple(images.shape)}; expected ({n}, {size[0]}, {size[1]}) or "
            f"({n}, channels, {size[0]}, {size[1]}). Maps of a layer are brought to this size by "
            "captum.attr.LayerAttribution.interpolate, in a function of images and labels"
        )
    values = attributions.detach()
    values = values if values.is_floating_point() else values.float()
    maps = values if values.ndim == 3 else _reduced(values, reduction)
    wrong = (~maps.isfinite()).flatten(1).any(1).nonzero().flatten().tolist()
    if wrong:
        raise ValueError(
            f"attribution gives NaN or infinite values for {place}, in rows {listed(wrong)} of "
            "those with a human map; expected finite ones"
        )
    return maps


def _reduced(values: Tensor, reduction: ChannelReduction) -> Tensor:
    if reduction == "max_absolute":
        return values.abs().amax(1)
    return values.mean(1) if reduction == "mean" else values.sum(1)


def _built(method: type[Any], model: nn.Module) -> Any:
    """Return an attribution class built with the model alone."""
    parameters = list(inspect.signature(method).parameters.values())
    by_name = [one for one in parameters if one.kind is not one.VAR_KEYWORD]
    if by_name and by_name[0].name in _WRAPPED:
        raise TypeError(
            f"attribution is the class {method.__name__}, which is built with another attribution "
            f"in place of the model; expected an instance of it, such as "
            f"{method.__name__}(Saliency(model))"
        )
    missing = [one.name for one in by_name[1:] if one.default is one.empty]
    if missing or not by_name:
        raise TypeError(
            f"attribution is the class {method.__name__}, which needs {listed(missing)} besides "
            "the model; expected an instance of it"
        )
    return method(model)


def _check_explained(method: Any, model: nn.Module) -> None:
    """Refuse an instance of Captum that explains another model."""
    inner = method
    while hasattr(inner, "attribution_method"):
        inner = inner.attribution_method
    forward = getattr(inner, "forward_func", None)
    explained = getattr(forward, "__self__", forward)
    if isinstance(explained, nn.Module) and not set(explained.modules()) & set(model.modules()):
        raise ValueError(
            f"attribution is {type(method).__name__} of another {type(explained).__name__} than "
            "model, with no module in common, so that predictions and maps would be of different "
            "models; expected one that is built with model, its class, or a function"
        )


def _captum_function(method: Any, given: Mapping[str, Any]) -> MapFunction:
    """Return a function that calls ``attribute`` of a Captum method."""
    reserved = [name for name in _RESERVED if name in given]
    if reserved:
        raise TypeError(
            f"attribution_arguments has {listed(reserved)}, which come from the data; expected "
            "other arguments of attribute"
        )
    parameters = inspect.signature(method.attribute).parameters
    for name, parameter in parameters.items():
        by_name = parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
        if by_name and parameter.default is parameter.empty and name not in (*_RESERVED, *given):
            raise TypeError(
                f"attribution is {type(method).__name__}, whose attribute needs {name}; expected "
                "it in attribution_arguments"
            )
    takes_target = "target" in parameters or any(
        one.kind is one.VAR_KEYWORD for one in parameters.values()
    )

    def explain(images: Tensor, labels: Tensor) -> Tensor:
        target = {"target": labels} if takes_target else {}
        attributions: Tensor = method.attribute(images, **target, **given)
        return attributions

    return _on_copies(explain)


def _on_copies(explain: MapFunction) -> MapFunction:
    """Return the function on copies of images that require gradients, as Captum asks for them."""

    def explain_copies(images: Tensor, labels: Tensor) -> Tensor:
        return explain(images.clone().requires_grad_(), labels)

    return explain_copies
