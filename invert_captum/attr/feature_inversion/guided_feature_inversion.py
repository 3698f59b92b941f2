"""`GuidedFeatureInversion`: the region of a picture that carries a prediction."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args

from captum.attr import Attribution
from captum.log import log_usage

from invert_captum._validation import check_choice
from invert_captum.attr.feature_inversion.goals import ClassGoal, OutputKind
from invert_captum.attr.feature_inversion.inversion_call import Call, only_pictures
from invert_captum.attr.feature_inversion.inversion_settings import InversionSettings
from invert_captum.attr.prediction import check_target, plain_target

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import Tensor, nn

    from invert_captum.attr.feature_inversion.backgrounds import Background
    from invert_captum.attr.feature_inversion.inversion_details import InversionDetails
    from invert_captum.attr.feature_inversion.inversion_settings import InversionLoss, MaskKind
    from invert_captum.attr.prediction import ChosenTarget


class GuidedFeatureInversion(Attribution):  # type: ignore[misc]
    """Find the smallest region of a picture that keeps what a network makes of it.

    A mask decides what stays of the picture x and where a background p takes its place. It is a
    weighted sum of the channels of a layer, so that it can only have shapes that the network knows.
    Stage 1 chooses weights ω ≥ 0 with which the features f of the inversion layer stay as they are,
    stage 2 goes on from there to raise the target on what the mask keeps and to lower it on what
    it leaves over::

        m = Σ ω_k f_k(x), scaled to [0, 1] and up-sampled
        Φ = x⊙m + p⊙(1 − m)          Φ_bg = x⊙(1 − m) + p⊙m
        stage 1:  ‖f(Φ) − f(x)‖² + γ‖ω‖₁
        stage 2:  −f_c(Φ) + λ f_c(Φ_bg) + δ‖ω‖₁

    Both are minimised by Adam. A batch is one optimisation in which every picture has its own loss,
    weights and guards: it gets what it would get alone. In single precision that holds at first;
    later the optimisation amplifies rounding.

    Source: Du, Liu, Song and Hu, "Towards Explanation of DNN-based Prediction with Guided Feature
    Inversion", KDD 2018, arXiv 1804.00506.

    Args:
        forward_func: A model, or a function that runs one. A model runs in eval mode with its
            parameters frozen, and is afterwards as it was. Of one from `torch.compile`, the model
            that was compiled runs, because compiled code does not see hooks.
        inversion_layer: The layer whose features are to be kept, as a module or dotted name. It
            gives one tensor. Late ones follow objects, early ones detail.
        mask_layer: The layer whose channels make the mask: maps or tokens of a vision transformer.
            None: the inversion layer. Late ones have coarse maps that follow objects.
        device_ids: The order in which a `torch.nn.DataParallel` model inside a function splits its
            inputs.
        channel_dim: Axis of the channels in what the mask layer gives. None: of maps the reading
            that fits the picture's aspect ratio (where both do, an error asks for it), of tokens
            the last one.

    Raises:
        TypeError: A layer is neither module nor name, or a name although ``forward_func`` is no
            module; ``channel_dim`` is no integer.
        ValueError: The model has no layer of this name.

    Examples:
        >>> import torch
        >>> from torch import nn
        >>> _ = torch.manual_seed(0)
        >>> model = nn.Sequential(
        ...     nn.Conv2d(3, 8, 3, 2), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()
        ... )
        >>> inversion = GuidedFeatureInversion(model, inversion_layer="1")
        >>> mask = inversion.attribute(torch.rand(2, 3, 32, 32), [0, 3], gamma=0, delta=0)
        >>> mask.shape, bool(mask.min() >= 0), bool(mask.max() <= 1)
        (torch.Size([2, 3, 32, 32]), True, True)
    """

    def __init__(
        self,
        forward_func: Callable[..., Any],
        inversion_layer: nn.Module | str,
        mask_layer: nn.Module | str | None = None,
        device_ids: Sequence[int] | None = None,
        *,
        channel_dim: int | None = None,
    ) -> None:
        super().__init__(forward_func)
        self.device_ids = device_ids
        self._call = Call.of(forward_func, inversion_layer, mask_layer, device_ids, channel_dim)

    # Wrappers such as NoiseTunnel expect this decorator, which all of Captum's methods have.
    @log_usage()  # type: ignore[untyped-decorator]
    def attribute(
        self,
        inputs: Tensor | tuple[Tensor, ...],
        target: ChosenTarget = None,
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
        output: OutputKind = "probability",
        attribute_to_layer_input: bool = False,
        show_progress: bool = False,
    ) -> Tensor | tuple[Tensor, ...]:
        """Return the mask of every picture.

        A picture costs ``1 + n_inversion_steps + 2 * n_target_steps`` forward passes, all but the
        first with a backward pass; those of stage 1 end at the inversion layer.

        Args:
            inputs: Pictures, floating point, shape (n, channels, height, width), or a tuple with
                one such tensor. They are moved to the model's device.
            target: Which class, in Captum's forms: an index, a tuple of indices for outputs of
                more axes, a list of n of these, or a tensor of integers; or ``"predicted"``.
                None: stop after stage 1, which asks what the representation keeps at all.
            additional_forward_args: Further arguments of the model by position.
            background: p: ``"blur"`` (a Gaussian of 11 pixels), ``"mean"`` (the picture's mean
                colour), ``"noise"`` (seeded), a tensor that broadcasts to the inputs, or a
                function from the inputs to one.
            n_inversion_steps: Steps of stage 1.
            n_target_steps: Steps of stage 2, in which the learning rate is halved every 10.
            learning_rate: Of Adam.
            gamma: γ, the weight of ‖ω‖₁ in stage 1. None: 10 for the absolute loss, 10/K for the
                relative one with K channels.
            background_weight: λ, the weight of the target on what is left over.
            delta: δ, the weight of ‖ω‖₁ in stage 2. None: 1, or 10/K for the relative loss.
            inversion_loss: ``"absolute"`` as in the paper; ``"relative"`` divides the distance by
                ‖f(x)‖², as the authors' code does, and needs much smaller penalties.
            mask: ``"channels"`` as above; ``"free"`` for a mask of its own on the mask layer's
                grid, which starts at ½, is clipped to [0, 1] and charged by its mean in the place
                of ‖ω‖₁ (γ and δ 10 and 1, or 1 and 1 for the relative loss).
            output: What is raised and lowered: ``"probability"``, the softmax over axis 1 of the
                model's output, or the output as it is: ``"logit"``, or ``"identity"`` for models
                that end in probabilities or other numbers.
            attribute_to_layer_input: Take the channels from what the mask layer gets. Without a
                mask layer of its own, the inversion layer is looked at there, too.
            show_progress: Draw a progress bar for each stage.

        Returns:
            *Tensor*, or a tuple of one: the mask in [0, 1] in the shape of the inputs, the same for
            all channels: 1 keeps the pixel. It is ½ everywhere where there is nothing to decide
            between: the picture equals its background, the mask layer's channels with equal weights
            add up to the same everywhere, or the inversion layer is zero under the relative loss.

        Raises:
            TypeError: An argument has a wrong type, such as integer pictures.
            ValueError: An argument is out of range; the model answers a picture with NaN; a layer
                has no positions, does not run or runs several times in a forward pass.

        Warns:
            InvertCaptumWarning: Pictures got the neutral mask of ½, would have lost all their
                weights and kept the last ones, or stopped because their loss became NaN; or the
                model ends in probabilities, of which ``output="probability"`` takes the softmax.

        Examples:
            >>> import torch
            >>> from torch import nn
            >>> _ = torch.manual_seed(0)
            >>> model = nn.Sequential(nn.Conv2d(3, 4, 3, 2), nn.AdaptiveAvgPool2d(1), nn.Flatten())
            >>> pictures = torch.rand(1, 3, 16, 16)
            >>> inversion = GuidedFeatureInversion(model, model[0])
            >>> inversion.attribute(pictures, target=2, gamma=0, delta=0).shape
            torch.Size([1, 3, 16, 16])
        """
        return self._details(
            inputs,
            target,
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
            output=output,
            at_input=attribute_to_layer_input,
            show_progress=show_progress,
        ).attributions

    def attribute_with_details(
        self,
        inputs: Tensor | tuple[Tensor, ...],
        target: ChosenTarget = None,
        additional_forward_args: object = None,
        *,
        output: OutputKind = "probability",
        attribute_to_layer_input: bool = False,
        show_progress: bool = False,
        **constants: Any,
    ) -> InversionDetails:
        """Return the masks with all that was found on the way.

        Two forward passes more than `attribute`.

        Args:
            inputs: As in `attribute`.
            target: As in `attribute`.
            additional_forward_args: As in `attribute`.
            output: As in `attribute`.
            attribute_to_layer_input: As in `attribute`.
            show_progress: As in `attribute`.
            **constants: The other arguments of `attribute`, such as ``n_target_steps``.

        Returns:
            *InversionDetails*: masks, channel weights, loss curves of both stages, and what the
            model makes of what each mask keeps and leaves over.

        Raises:
            TypeError: As in `attribute`, or an argument is unknown.
            ValueError: As in `attribute`.

        Examples:
            >>> import torch
            >>> from torch import nn
            >>> _ = torch.manual_seed(0)
            >>> model = nn.Sequential(nn.Conv2d(3, 4, 3, 2), nn.AdaptiveAvgPool2d(1), nn.Flatten())
            >>> pictures = torch.rand(2, 3, 16, 16)
            >>> inversion = GuidedFeatureInversion(model, "0")
            >>> details = inversion.attribute_with_details(pictures, 1, gamma=0, delta=0)
            >>> details.channel_weights.shape, details.target_loss.shape
            (torch.Size([2, 4]), torch.Size([2, 70]))
        """
        return self._details(
            inputs,
            target,
            additional_forward_args,
            InversionSettings.of(constants),
            output=output,
            at_input=attribute_to_layer_input,
            show_progress=show_progress,
            with_outputs=True,
        )

    def _details(
        self,
        inputs: Tensor | tuple[Tensor, ...],
        target: ChosenTarget,
        additional_forward_args: object,
        settings: InversionSettings,
        *,
        output: OutputKind,
        at_input: bool,
        show_progress: bool,
        with_outputs: bool = False,
    ) -> InversionDetails:
        check_choice("output", output, get_args(OutputKind))
        check_target(target, len(only_pictures(inputs)))
        goal = None if target is None else ClassGoal(plain_target(target), output)
        return self._call.run(
            inputs,
            goal,
            settings,
            additional_forward_args,
            at_input=at_input,
            show_progress=show_progress,
            with_outputs=with_outputs,
        )
