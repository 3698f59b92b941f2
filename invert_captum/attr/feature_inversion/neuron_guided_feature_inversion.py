"""`NeuronGuidedFeatureInversion`: the region of a picture that excites a neuron."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from captum.attr import NeuronAttribution
from captum.log import log_usage

from invert_captum.attr.feature_inversion.goals import NeuronGoal, check_selector
from invert_captum.attr.feature_inversion.inversion_call import Call, only_pictures
from invert_captum.attr.feature_inversion.inversion_settings import InversionSettings
from invert_captum.attr.feature_inversion.watched_layers import WatchedLayer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import Tensor, nn

    from invert_captum.attr.feature_inversion.backgrounds import Background
    from invert_captum.attr.feature_inversion.goals import NeuronSelector
    from invert_captum.attr.feature_inversion.inversion_details import InversionDetails
    from invert_captum.attr.feature_inversion.inversion_settings import InversionLoss, MaskKind


class NeuronGuidedFeatureInversion(NeuronAttribution):  # type: ignore[misc]
    """Find the smallest region of a picture that keeps a neuron as active as it is.

    `GuidedFeatureInversion` with the neuron's activation a, divided by its value on the undisturbed
    picture, in the place of the class probability::

        stage 2:  −a(Φ)/a(x) + λ a(Φ_bg)/a(x) + δ‖ω‖₁

    A neuron that is below zero is explained by what keeps it there. One that is exactly zero
    (silent after a ReLU) has nothing to explain: its mask is ½ everywhere.

    Source: Du et al., KDD 2018, arXiv 1804.00506, for classes.

    Args:
        forward_func: As in `GuidedFeatureInversion`.
        layer: The layer of the neuron, as a module or dotted name.
        inversion_layer: The layer whose features stage 1 keeps.
        mask_layer: The layer whose channels make the mask. None: the inversion layer.
        device_ids: As in `GuidedFeatureInversion`.
        channel_dim: As in `GuidedFeatureInversion`.

    Raises:
        TypeError: A layer is neither module nor name, or a name although ``forward_func`` is no
            module.
        ValueError: The model has no layer of this name.

    Examples:
        >>> import torch
        >>> from torch import nn
        >>> _ = torch.manual_seed(0)
        >>> model = nn.Sequential(nn.Conv2d(3, 8, 3, 2), nn.ReLU(), nn.Flatten(), nn.LazyLinear(5))
        >>> pictures = torch.rand(2, 3, 32, 32)
        >>> _ = model(pictures)
        >>> inversion = NeuronGuidedFeatureInversion(model, layer="3", inversion_layer="1")
        >>> inversion.attribute(pictures, neuron_selector=4, gamma=0, delta=0).shape
        torch.Size([2, 3, 32, 32])
    """

    def __init__(
        self,
        forward_func: Callable[..., Any],
        layer: nn.Module | str,
        inversion_layer: nn.Module | str,
        mask_layer: nn.Module | str | None = None,
        device_ids: Sequence[int] | None = None,
        *,
        channel_dim: int | None = None,
    ) -> None:
        self._call = Call.of(forward_func, inversion_layer, mask_layer, device_ids, channel_dim)
        self._neuron_layer = WatchedLayer.of(self._call.forward_func, "layer", layer)
        super().__init__(forward_func, self._neuron_layer.module, device_ids)

    # Wrappers such as NoiseTunnel expect this decorator, which all of Captum's methods have.
    @log_usage()  # type: ignore[untyped-decorator]
    def attribute(
        self,
        inputs: Tensor | tuple[Tensor, ...],
        neuron_selector: NeuronSelector,
        additional_forward_args: object = None,
        *,
        background: Background = "blur",
        n_inversion_steps: int = 10,
        n_target_steps: int = 70,
        learning_rate: float = 1e-2,
        gamma: float | None = None,
        background_weight: float = 1.0,
        delta: float | None = None,
        inversion_loss: InversionLoss = "absolute",
        mask: MaskKind = "channels",
        attribute_to_neuron_input: bool = False,
        attribute_to_layer_input: bool = False,
        show_progress: bool = False,
    ) -> Tensor | tuple[Tensor, ...]:
        """Return the mask of every picture.

        Args:
            inputs: As in `GuidedFeatureInversion.attribute`.
            neuron_selector: Which neuron: a column, of a layer with positions its mean over them;
                a tuple with the index of one number in a picture's output, as in Captum; or a
                function from what the layer gives to shape (n,).
            additional_forward_args: Further arguments of the model by position.
            background: As in `GuidedFeatureInversion.attribute`.
            n_inversion_steps: As in `GuidedFeatureInversion.attribute`.
            n_target_steps: As in `GuidedFeatureInversion.attribute`.
            learning_rate: As in `GuidedFeatureInversion.attribute`.
            gamma: As in `GuidedFeatureInversion.attribute`.
            background_weight: As in `GuidedFeatureInversion.attribute`.
            delta: As in `GuidedFeatureInversion.attribute`.
            inversion_loss: As in `GuidedFeatureInversion.attribute`.
            mask: As in `GuidedFeatureInversion.attribute`.
            attribute_to_neuron_input: Take the neuron from what ``layer`` gets.
            attribute_to_layer_input: Take the channels from what the mask layer gets.
            show_progress: Draw a progress bar for each stage.

        Returns:
            *Tensor*, or a tuple of one: the mask in [0, 1] in the shape of the inputs, the same for
            all channels.

        Raises:
            TypeError: An argument has a wrong type.
            ValueError: There is no such neuron, or as in `GuidedFeatureInversion.attribute`.

        Warns:
            InvertCaptumWarning: As in `GuidedFeatureInversion.attribute`, or the neuron is silent.

        Examples:
            >>> import torch
            >>> from torch import nn
            >>> _ = torch.manual_seed(0)
            >>> model = nn.Sequential(nn.Conv2d(3, 4, 3, 2), nn.Sigmoid())
            >>> inversion = NeuronGuidedFeatureInversion(model, model[1], model[1])
            >>> inversion.attribute(torch.rand(2, 3, 16, 16), (2, 0, 6), gamma=0, delta=0).shape
            torch.Size([2, 3, 16, 16])
        """
        return self._details(
            inputs,
            neuron_selector,
            additional_forward_args,
            InversionSettings(
                background=background,
                n_inversion_steps=n_inversion_steps,
                n_target_steps=n_target_steps,
                learning_rate=learning_rate,
                gamma=gamma,
                background_weight=background_weight,
                delta=delta,
                inversion_loss=inversion_loss,
                mask=mask,
            ),
            at_neuron_input=attribute_to_neuron_input,
            at_input=attribute_to_layer_input,
            show_progress=show_progress,
        ).attributions

    def attribute_with_details(
        self,
        inputs: Tensor | tuple[Tensor, ...],
        neuron_selector: NeuronSelector,
        additional_forward_args: object = None,
        *,
        attribute_to_neuron_input: bool = False,
        attribute_to_layer_input: bool = False,
        show_progress: bool = False,
        **constants: Any,
    ) -> InversionDetails:
        """Return the masks with all that was found on the way.

        Args:
            inputs: As in `attribute`.
            neuron_selector: As in `attribute`.
            additional_forward_args: As in `attribute`.
            attribute_to_neuron_input: As in `attribute`.
            attribute_to_layer_input: As in `attribute`.
            show_progress: As in `attribute`.
            **constants: The other arguments of `attribute`, such as ``n_target_steps``.

        Returns:
            *InversionDetails*: its outputs are the neuron's activations.

        Raises:
            TypeError: As in `attribute`, or an argument is unknown.
            ValueError: As in `attribute`.

        Examples:
            >>> import torch
            >>> from torch import nn
            >>> _ = torch.manual_seed(0)
            >>> model = nn.Sequential(nn.Conv2d(3, 4, 3, 2), nn.Sigmoid())
            >>> inversion = NeuronGuidedFeatureInversion(model, "1", "1")
            >>> details = inversion.attribute_with_details(torch.rand(2, 3, 16, 16), 0, gamma=0)
            >>> details.masked_output.shape
            torch.Size([2])
        """
        return self._details(
            inputs,
            neuron_selector,
            additional_forward_args,
            InversionSettings.of(constants),
            at_neuron_input=attribute_to_neuron_input,
            at_input=attribute_to_layer_input,
            show_progress=show_progress,
            with_outputs=True,
        )

    def _details(
        self,
        inputs: Tensor | tuple[Tensor, ...],
        neuron_selector: NeuronSelector,
        additional_forward_args: object,
        settings: InversionSettings,
        *,
        at_neuron_input: bool,
        at_input: bool,
        show_progress: bool,
        with_outputs: bool = False,
    ) -> InversionDetails:
        pictures = only_pictures(inputs)
        check_selector(neuron_selector)
        goal = NeuronGoal(
            self._neuron_layer.at(at_neuron_input),
            neuron_selector,
            (pictures.shape[2], pictures.shape[3]),
        )
        return self._call.run(
            inputs,
            goal,
            settings,
            additional_forward_args,
            at_input=at_input,
            show_progress=show_progress,
            with_outputs=with_outputs,
        )
