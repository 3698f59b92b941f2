"""Probes: modules beside the layers that turn each output into activations as it comes.

Captum's `LayerActivation` is pointed at the probes instead of the layers. It then copies (n, d)
rows and not whole feature maps; layers may give tuples, mappings or None beside their tensor; and
layers that run several times or not at all are noticed, where Captum alone would keep the last of
several calls without a word.
"""

from __future__ import annotations

import threading
from collections import Counter
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from torch import Tensor, nn

from invert_captum.activations.reducers import Reducer, only_tensor, reduce_output

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from torch.utils.hooks import RemovableHandle


class LayerProbe(nn.Module):
    """Reduces what one layer gives, and counts how often the layer runs in a forward pass.

    Args:
        name: Name of the layer.
        reduce: As in `reduce_output`.
        neuron_dim: As in `reduce_output`.

    Attributes:
        shape: Of what the layer gave last, on one of its devices; None before, and where
            ``reduce`` is a function.
    """

    def __init__(self, name: str, reduce: Reducer, neuron_dim: int | None = None) -> None:
        super().__init__()
        self.name = name
        self.reduce = reduce
        self.neuron_dim = neuron_dim
        # DataParallel runs every replica of the layer in a thread of its own.
        self._calls: Counter[int] = Counter()
        self.shape: tuple[int, ...] | None = None

    def forward(self, output: object) -> Tensor:
        """Return the activations, shape (n, d)."""
        rows = reduce_output(output, self.reduce, self.neuron_dim, layer=self.name)
        if isinstance(self.reduce, str):
            self.shape = tuple(only_tensor(output, self.name).shape)
        return rows

    def watch(self, layer: nn.Module, *, at_input: bool) -> RemovableHandle:
        """Hook the probe to ``layer``; it sees each forward pass until the handle is removed."""
        if at_input:
            return layer.register_forward_pre_hook(self._see_input, with_kwargs=True)
        return layer.register_forward_hook(self._see_output)

    def check_calls(self) -> None:
        """Raise `ValueError` unless the layer ran once, and begin to count anew."""
        calls, self._calls = self._calls, Counter()
        if not calls:
            raise ValueError(
                f"layer {self.name!r} is not called in the forward pass of the model (a parent "
                "may use its weights without calling it); expected a layer that is called once"
            )
        if max(calls.values()) > 1:
            raise ValueError(
                f"layer {self.name!r} is called {max(calls.values())} times in one forward pass, "
                "so that its activations are ambiguous; expected a layer that is called once, "
                "such as the module around one of the calls"
            )

    def _see_output(self, layer: nn.Module, args: object, output: object) -> None:  # noqa: ARG002
        self._see(output)

    def _see_input(
        self,
        layer: nn.Module,  # noqa: ARG002
        args: tuple[object, ...],
        kwargs: dict[str, object],
    ) -> None:
        given = args or tuple(kwargs.values())
        self._see(given[0] if len(given) == 1 else given)

    def _see(self, output: object) -> None:
        self._calls[threading.get_ident()] += 1
        if self._calls[threading.get_ident()] == 1:
            self(output)


@contextmanager
def probing(
    layers: Mapping[str, nn.Module],
    reduce: Reducer,
    neuron_dim: int | None = None,
    *,
    at_input: bool = False,
) -> Iterator[list[LayerProbe]]:
    """Give one probe per layer, hooked to it inside the ``with`` block and never after it.

    Args:
        layers: Module by name.
        reduce: As in `reduce_output`.
        neuron_dim: As in `reduce_output`.
        at_input: Look at what the layer gets instead of what it gives.
    """
    with ExitStack() as stack:
        probes = []
        for name, layer in layers.items():
            probe = LayerProbe(name, reduce, neuron_dim)
            stack.callback(probe.watch(layer, at_input=at_input).remove)
            probes.append(probe)
        yield probes
