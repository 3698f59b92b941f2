"""Which activation functions the rules of guided backpropagation and DeepLIFT act on.

Guided backpropagation and deconvolution (Springenberg et al., "Striving for Simplicity",
ICLR 2015 workshop) change the gradient of rectifiers; DeepLIFT's rescale rule (Shrikumar et al.,
"Learning Important Features Through Propagating Activation Differences", ICML 2017) replaces that
of every function of one variable. Captum has both for modules of some types and takes the plain
gradient of all else without a word; here all else is refused.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import torch
from captum.attr import (
    LayerDeepLift,
    LayerDeepLiftShap,
    NeuronDeconvolution,
    NeuronDeepLift,
    NeuronDeepLiftShap,
    NeuronGuidedBackprop,
)
from torch import nn

from invert_captum.activations.evaluation import evaluating
from invert_captum.attr.activation_functions.activation_modules import (
    clamp_bounds,
    copy_with_shared_weights,
    is_clamp,
    substitute,
    windows_overlap,
)
from invert_captum.attr.activation_functions.activation_trace import (
    ActivationTrace,
    Operation,
    trace_after,
    trace_before,
)

if TYPE_CHECKING:
    from torch import Tensor

    from invert_captum.attr.layer_shape import ReducedLayer

# Not Softmax, which mixes its inputs: Captum's rule for it mixes the samples of a batch, too.
_RESCALED = (nn.ReLU, nn.ELU, nn.LeakyReLU, nn.Sigmoid, nn.Tanh, nn.Softplus)
_POOLS = (nn.MaxPool1d, nn.MaxPool2d, nn.MaxPool3d)

_WITH_PLAIN_GRADIENT = (
    *(nn.Sigmoid, nn.Hardsigmoid, nn.Tanh, nn.Softsign, nn.Hardtanh),
    *(nn.Softmax, nn.Softmax2d, nn.Softmin, nn.LogSoftmax, nn.MultiheadAttention),
)

_RECTIFYING = frozenset(
    (
        *("Relu", "Threshold", "LeakyRelu", "Elu", "Celu", "PreluKernel", "RreluWithNoise"),
        *("Gelu", "Silu", "Hardswish", "Mish", "Softplus", "LogSigmoid", "Glu", "Maximum"),
        *("Softshrink", "Hardshrink"),
    )
)
_GATING = frozenset(("Sigmoid", "Hardsigmoid", "Tanh", "Softmax", "LogSoftmax"))
_POOLING = frozenset(
    ("MaxPool2DWithIndices", "MaxPool3DWithIndices", "AdaptiveMaxPool2D", "AdaptiveMaxPool3D")
)
_CLAMPING = frozenset(("Hardtanh", "Clamp", "ClampMin", "ClampMax"))
_NORMALISING = frozenset(
    (
        *("NativeLayerNorm", "NativeGroupNorm", "FusedRmsNorm", "LinalgVectorNorm", "Norm"),
        *("Var", "VarMean", "Std", "StdMean", "Cdist", "Hypot", "MseLoss"),
    )
)
_CURVED = frozenset(
    (
        *("Pow", "Exp", "Log", "Sqrt", "Rsqrt", "Reciprocal", "Abs", "Sin", "Cos", "Erf"),
        *("Amax", "Amin", "Max", "Min", "Minimum", "Logsumexp", "Topk", "Sort", "Median"),
        *("Kthvalue", "Sinc"),
        *("Expm1", "Log1P", "Log2", "Log10", "Exp2", "Tan", "Atan", "Sinh", "Cosh", "Erfc"),
        *("Fmod", "Remainder", "Prod", "Cumprod", "Cummax", "Cummin", "Where"),
        *("MkldnnRnnLayer", "CudnnRnn", "MiopenRnn", "ThnnFusedLstmCell", "ThnnFusedGruCell"),
    )
)
_PRODUCTS = frozenset(("Mul", "Div", "Mm", "Bmm", "Addmm", "Baddbmm", "Mv", "Dot", "Convolution"))

_LISTED = 5


@dataclass(frozen=True)
class ActivationRule:
    """A rule of Captum's for the backward pass through activation modules.

    Args:
        method: Name of the method.
        guided: Whether it acts on gradients of rectifiers, as guided backpropagation does, and
            not on differences, as DeepLIFT does.
        after_layer: Whether it goes from the output to the layer, and not from that to the inputs.
    """

    method: str
    guided: bool
    after_layer: bool = False

    def acts_on(self, module: nn.Module | None) -> bool:
        """Return whether the rule has a formula for ``module``, if need be after a substitution."""
        if module is None:
            return False
        if self.guided:
            return isinstance(module, nn.ReLU) or (
                is_clamp(module) and clamp_bounds(module)[0] == 0
            )
        if type(module) in _POOLS:
            options: Any = module
            apart = type(module) is nn.MaxPool2d or not windows_overlap(module)
            return apart and not options.return_indices
        return is_clamp(module) or type(module) in _RESCALED

    def overlooks(self, operation: Operation) -> bool:
        """Return whether the rule should act on ``operation``, but cannot."""
        module = operation.module
        if self.acts_on(module):
            return False
        if operation.is_custom:
            return True
        of_activations = type(module).__module__ == nn.ReLU.__module__
        if self.guided:
            plain = isinstance(module, _WITH_PLAIN_GRADIENT)
            return not plain and (of_activations or _rectifies(operation))
        return of_activations or _bends(operation)


def rule_of(method: type[Any]) -> ActivationRule | None:
    """Return the rule that ``method`` has for activation modules, or None if it has none."""
    if issubclass(method, (NeuronGuidedBackprop, NeuronDeconvolution)):
        return ActivationRule(method.__name__, guided=True)
    if issubclass(method, (NeuronDeepLift, NeuronDeepLiftShap)):
        return ActivationRule(method.__name__, guided=False)
    if issubclass(method, (LayerDeepLift, LayerDeepLiftShap)):
        return ActivationRule(method.__name__, guided=False, after_layer=True)
    return None


def with_activation_modules(
    rule: ActivationRule,
    layer: ReducedLayer,
    inputs: Tensor | tuple[Tensor, ...],
    additional_forward_args: object = None,
) -> ReducedLayer:
    """Return ``layer`` in a copy of its model in which ``rule`` reaches every activation function.

    ReLU6 and Hardtanh are written in terms of ReLU, modules that run several times become several
    modules, and none works in place. The copy shares its weights with the model, which stays as it
    was.

    Args:
        rule: The rule.
        layer: The layer.
        inputs: A tensor or a tuple of tensors, on the device of the model.
        additional_forward_args: Further arguments of the model by position.

    Raises:
        TypeError: the model cannot be copied.
        ValueError: there are activation functions for which the rule has no formula, or which are
            no modules; or it finds none to act on; or the copy gives other values.

    Examples:
        >>> import torch
        >>> from captum.attr import NeuronGuidedBackprop
        >>> from invert_captum.attr.layer_shape import ReducedLayer
        >>> model = nn.Sequential(nn.Linear(3, 4), nn.ReLU6(), nn.Linear(4, 2))
        >>> rule = rule_of(NeuronGuidedBackprop)
        >>> layer = ReducedLayer(model, model[2])
        >>> with_activation_modules(rule, layer, torch.rand(5, 3)).model[1]
        ModulesInTurn(
          (turns): ModuleList(
            (0): CeilingBeforeReLU(
              (relu): ReLU()
            )
          )
        )
    """
    trace = _trace(rule, layer, inputs, additional_forward_args)
    check_activations(rule, layer, trace)
    copied = copy_with_shared_weights(layer.model)
    replaced = {
        module: n
        for module, n in trace.n_calls.items()
        if rule.acts_on(module) and (is_clamp(module) or type(module) in (*_RESCALED, *_POOLS))
    }
    substitute(copied, replaced, guided=rule.guided)
    prepared = replace(layer, model=copied[layer.model], layer=copied[layer.layer])
    _check_same(rule, trace, _trace(rule, prepared, inputs, additional_forward_args))
    return prepared


def check_activations(rule: ActivationRule, layer: ReducedLayer, trace: ActivationTrace) -> None:
    """Raise `ValueError` unless ``rule`` reaches every activation function of ``trace``."""
    where = f"{'after' if rule.after_layer else 'before'} layer {layer.name!r}"
    others = ("LayerConductance", "LayerIntegratedGradients")
    others = others if rule.after_layer else ("NeuronIntegratedGradients", "NeuronGradient")
    expected = f"expected {others[0]} or {others[1]}, or"
    overlooked = [one for one in trace.operations if rule.overlooks(one)]
    if overlooked:
        named = list(dict.fromkeys(_describe(one) for one in overlooked))
        more = f" and {len(named) - _LISTED} more" if len(named) > _LISTED else ""
        raise ValueError(
            f"method is {rule.method}, which has no rule for these operations {where}: "
            f"{', '.join(named[:_LISTED])}{more}; {expected} modules of torch.nn.ReLU, ReLU6"
            f"{'' if rule.guided else ', Hardtanh, LeakyReLU, ELU, Softplus, Sigmoid, Tanh'}"
        )
    if rule.guided and not any(rule.acts_on(one.module) for one in trace.operations):
        raise ValueError(
            f"method is {rule.method}, which finds no ReLU module {where} and so is the plain "
            f"gradient; {expected} modules of torch.nn.ReLU or ReLU6"
        )


def _trace(
    rule: ActivationRule,
    layer: ReducedLayer,
    inputs: Tensor | tuple[Tensor, ...],
    additional_forward_args: object,
) -> ActivationTrace:
    trace = trace_after if rule.after_layer else trace_before
    with evaluating(layer.model):
        return trace(
            layer.model, layer.layer, inputs, additional_forward_args, at_input=layer.at_input
        )


def _check_same(rule: ActivationRule, trace: ActivationTrace, copied: ActivationTrace) -> None:
    """Raise `ValueError` unless the copy gives what the model gave, but for rounding."""
    for one, other in zip(trace.results, copied.results, strict=True):
        if not _agree(one, other):
            raise ValueError(
                f"method is {rule.method}, but the model gives other values where its activation "
                "modules work out of place and once each; expected modules whose output is used "
                "(and not only their input, changed in place), and a model without randomness"
            )


def _agree(one: Tensor, other: Tensor) -> bool:
    """Return whether two tensors are equal, but for rounding."""
    if not one.is_floating_point():
        return torch.equal(one, other)
    finite = one[one.isfinite()]
    largest = float(finite.abs().max()) if len(finite) else 0.0
    return torch.allclose(one, other, rtol=0, atol=1e-3 * largest, equal_nan=True)


def _rectifies(operation: Operation) -> bool:
    """Return whether an operation is zero, or bent, at zero."""
    if operation.kind == "Hardtanh":
        return bool(getattr(operation.node, "_saved_min_val", 0) == 0)
    if operation.kind in ("Clamp", "ClampMin"):
        # Bounds that are tensors are not kept under this name.
        return bool(getattr(operation.node, "_saved_min", 0) == 0)
    return operation.kind in _RECTIFYING


def _bends(operation: Operation) -> bool:
    """Return whether an operation is not linear in what depends on the inputs, as far as known."""
    kind = operation.kind
    if kind in _PRODUCTS:
        # Weights are not recorded, so that each edge leads to something that varies.
        edges = [before is not None for before, _ in operation.node.next_functions]
        return sum(edges) > 1 if kind != "Div" else edges[-1]
    if kind in ("NativeBatchNorm", "CudnnBatchNorm"):
        return bool(getattr(operation.node, "_saved_training", False))
    known = _RECTIFYING | _GATING | _POOLING | _CLAMPING | _NORMALISING | _CURVED
    return kind in known or kind.startswith("ScaledDotProduct")


def _describe(operation: Operation) -> str:
    if operation.module is None:
        return f"{operation.kind} outside of all modules"
    kind = type(operation.module).__name__
    if type(operation.module).__module__ == nn.ReLU.__module__:
        return f"{operation.module_name!r} ({kind})"
    return f"{operation.kind} inside of {operation.module_name!r} ({kind})"
