"""Which modules made the operations on the way to a layer, or from it to the output.

A backward pass with rules of its own reaches an activation function only if it is a module. Hooks
tell which modules run; the graph that autograd records tells which operations there are. Compared,
they show functional activations, too.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from invert_captum.activations.batches import further_arguments

if TYPE_CHECKING:
    from torch.autograd.graph import Node


@dataclass(frozen=True)
class Operation:
    """One operation of the autograd graph.

    Args:
        node: Its node.
        module: The innermost module that ran it; None if none did.
        module_name: Dotted name of the module.
    """

    node: Node
    module: nn.Module | None
    module_name: str

    @property
    def kind(self) -> str:
        """Name of the operation without the ending that autograd gives it, such as ``"Relu"``."""
        name = self.node.name().rpartition("::")[2]
        return name.rpartition("Backward")[0] or name

    @property
    def is_custom(self) -> bool:
        """Whether it is a `torch.autograd.Function` of the model's own."""
        # Backward hooks of modules are made of one by torch, which changes nothing.
        custom = isinstance(self.node, torch.autograd.function.BackwardCFunction)
        return custom and self.kind != "BackwardHookFunction"


@dataclass(frozen=True)
class ActivationTrace:
    """What a forward pass did.

    Args:
        operations: All operations between the inputs and the layer, or between it and the output.
        n_calls: How often each module ran in the whole forward pass.
        results: What they led to: tensors at the layer, or those that the model gave.
    """

    operations: tuple[Operation, ...]
    n_calls: Mapping[nn.Module, int]
    results: tuple[Tensor, ...] = ()


def trace_before(
    model: nn.Module,
    layer: nn.Module,
    inputs: Tensor | tuple[Tensor, ...],
    additional_forward_args: object = None,
    *,
    at_input: bool = False,
) -> ActivationTrace:
    """Run ``model`` and return the operations on which the layer's output depends.

    The model should be in eval mode, inside `evaluating`, which also gives the parameters back
    their ``requires_grad``.

    Args:
        model: The model.
        layer: A module of it that runs once.
        inputs: A tensor or a tuple of tensors, on the device of the model.
        additional_forward_args: Further arguments of the model by position.
        at_input: Look at what the layer gets instead of what it gives.

    Examples:
        >>> from invert_captum.activations import evaluating
        >>> model = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))
        >>> with evaluating(model):
        ...     trace = trace_before(model, model[2], torch.rand(5, 3))
        >>> [(one.kind, one.module_name) for one in trace.operations]
        [('Addmm', '2'), ('Relu', '1'), ('Addmm', '0'), ('Clone', '')]
    """
    recorder = _Recorder()
    # At once, because a later module may change the tensor in place, and its history with it.
    with (
        _recording(model, recorder),
        _seeing(layer, recorder.finish, at_input=at_input),
    ):
        _forward(model, _tracked(inputs), additional_forward_args)
    return recorder.trace()


def trace_after(
    model: nn.Module,
    layer: nn.Module,
    inputs: Tensor | tuple[Tensor, ...],
    additional_forward_args: object = None,
    *,
    at_input: bool = False,
) -> ActivationTrace:
    """Run ``model`` and return the operations by which its output depends on the layer.

    Arguments as in `trace_before`.
    """
    recorder = _Recorder()
    with _recording(model, recorder), _seeing(layer, _tracked, at_input=at_input):
        recorder.finish(_forward(model, inputs, additional_forward_args))
    return recorder.trace()


@dataclass
class _Recorder:
    """Which module made which node of the graph; the innermost one that ends first has it."""

    n_calls: Counter[nn.Module] = field(default_factory=Counter)
    made_by: dict[Node, tuple[nn.Module, str]] = field(default_factory=dict)
    began: list[frozenset[Node]] = field(default_factory=list)
    ends: list[Node] = field(default_factory=list)
    results: list[Tensor] = field(default_factory=list)

    def begin(self, args: object) -> None:
        self.began.append(frozenset(_nodes_of(args)))

    def end(self, module: nn.Module, name: str, output: object) -> None:
        self.n_calls[module] += 1
        for node in _ancestors(_nodes_of(output), stop=self.began.pop()):
            self.made_by.setdefault(node, (module, name))

    def finish(self, value: object) -> None:
        self.ends += _nodes_of(value)
        self.results += [tensor.detach().clone() for tensor in _tensors_of(value)]

    def trace(self) -> ActivationTrace:
        nodes = _ancestors(self.ends)
        operations = (Operation(node, *self.made_by.get(node, (None, ""))) for node in nodes)
        kept = tuple(one for one in operations if one.kind != "AccumulateGrad")
        return ActivationTrace(kept, dict(self.n_calls), tuple(self.results))


@contextmanager
def _recording(model: nn.Module, recorder: _Recorder) -> Iterator[None]:
    """Hook ``recorder`` to every module of ``model`` and let autograd record the inputs only."""
    with ExitStack() as stack:
        # Then every edge of the graph leads to the inputs.
        for weight in model.parameters():
            weight.requires_grad_(False)
        for name, module in model.named_modules():
            begin = module.register_forward_pre_hook(
                lambda _, args, kwargs: recorder.begin((args, kwargs)), with_kwargs=True
            )
            stack.callback(begin.remove)
            end = module.register_forward_hook(
                lambda module, _, output, name=name: recorder.end(module, name, output)
            )
            stack.callback(end.remove)
        with torch.enable_grad():
            yield


@contextmanager
def _seeing(layer: nn.Module, see: Any, *, at_input: bool) -> Iterator[None]:
    """Hand ``see`` what the layer gets or gives; what it returns takes its place, unless None."""
    if at_input:
        handle = layer.register_forward_pre_hook(
            lambda _, args, kwargs: see((args, kwargs)), with_kwargs=True
        )
    else:
        handle = layer.register_forward_hook(lambda _, __, output: see(output))
    try:
        yield
    finally:
        handle.remove()


def _forward(model: nn.Module, inputs: Any, additional_forward_args: object) -> object:
    # Replicas of a parallel model are other modules in other threads; one device shows the same.
    core = model.module if isinstance(model, nn.DataParallel) else model
    given = inputs if isinstance(inputs, tuple) else (inputs,)
    output: object = core(*given, *further_arguments(additional_forward_args))
    return output


def _tracked(value: Any) -> Any:
    """Return ``value`` with floating tensors whose history begins here."""
    if isinstance(value, Tensor):
        # A clone, because a leaf cannot be changed in place.
        return value.detach().requires_grad_().clone() if value.is_floating_point() else value
    if isinstance(value, Mapping):
        return {key: _tracked(item) for key, item in value.items()}
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*(_tracked(item) for item in value))
    if type(value) in (tuple, list):
        return type(value)(_tracked(item) for item in value)
    return value


def _tensors_of(value: object) -> list[Tensor]:
    if isinstance(value, Tensor):
        return [value]
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, (tuple, list)):
        return [tensor for item in value for tensor in _tensors_of(item)]
    return []


def _nodes_of(value: object) -> list[Node]:
    return [tensor.grad_fn for tensor in _tensors_of(value) if tensor.grad_fn is not None]


def _ancestors(nodes: Iterable[Node], stop: frozenset[Node] = frozenset()) -> list[Node]:
    """Return ``nodes`` and all that they depend on, up to and without ``stop``."""
    seen: dict[Node, None] = {}
    waiting = list(nodes)
    while waiting:
        node = waiting.pop()
        if node in seen or node in stop:
            continue
        seen[node] = None
        waiting += [before for before, _ in node.next_functions if before is not None]
    return list(seen)
