"""All that an inversion found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from invert_captum._log import warn
from invert_captum._validation import listed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor


@dataclass(frozen=True, eq=False, repr=False)
class InversionDetails:
    """What `GuidedFeatureInversion.attribute_with_details` returns for n pictures.

    Attributes:
        attributions: The mask in the shape of the inputs, as ``attribute`` returns it.
        mask: The mask, in [0, 1], shape (n, 1, height, width).
        channel_weights: ω, the weights of the mask layer's channels, shape (n, k); None with
            ``mask="free"``.
        inversion_loss: The loss of stage 1 before each of its steps, shape (n, n_inversion_steps).
        target_loss: The loss of stage 2 before each of its steps, shape (n, n_target_steps);
            (n, 0) if there was no target.
        input_output: What the model gives for the target on the pictures themselves: its
            probability, logit or the neuron's activation, shape (n,); None without target.
        masked_output: The same on the pictures seen through the mask.
        background_output: The same on what the mask leaves over.
        collapsed: bool (n,): at some step all weights would have fallen below a thousandth of
            their start, or the mask would have become the same everywhere; this step was not taken.
        interrupted: bool (n,): the loss became NaN or infinite; the last parameters before that
            are kept.
        neutral: bool (n,): there was nothing to decide between, and the mask is ½ everywhere: the
            background is the picture, the equally weighted sum of the mask layer's channels the
            same everywhere, as after a LayerNorm, the inversion layer zero (relative loss), or the
            neuron silent. No other flag is set then.

    Examples:
        >>> import torch
        >>> from torch import nn
        >>> from invert_captum.attr import GuidedFeatureInversion
        >>> _ = torch.manual_seed(0)
        >>> model = nn.Sequential(nn.Conv2d(3, 4, 3, 2), nn.AdaptiveAvgPool2d(1), nn.Flatten())
        >>> inversion = GuidedFeatureInversion(model, "0")
        >>> pictures = torch.rand(2, 3, 16, 16)
        >>> details = inversion.attribute_with_details(pictures, target=1, gamma=0, delta=0)
        >>> details.mask.shape, details.channel_weights.shape, details.inversion_loss.shape
        (torch.Size([2, 1, 16, 16]), torch.Size([2, 4]), torch.Size([2, 10]))
        >>> details.masked_output > details.background_output  # of the class's probability
        tensor([True, True])
        >>> details.warn({})  # nothing to warn of
    """

    attributions: Tensor | tuple[Tensor, ...]
    mask: Tensor
    channel_weights: Tensor | None
    inversion_loss: Tensor
    target_loss: Tensor
    input_output: Tensor | None
    masked_output: Tensor | None
    background_output: Tensor | None
    collapsed: Tensor
    interrupted: Tensor
    neutral: Tensor

    def __repr__(self) -> str:
        kinds = ("neutral", "collapsed", "interrupted")
        flags = ", ".join(f"{int(getattr(self, kind).sum())} {kind}" for kind in kinds)
        outputs = [
            f"{name} {[round(one, 3) for one in values.tolist()]}"
            for name in ("input_output", "masked_output", "background_output")
            if (values := getattr(self, name)) is not None
        ]
        return f"InversionDetails({'; '.join([f'{len(self.mask)} pictures', *outputs, flags])})"

    def warn(self, causes: Mapping[str, Tensor]) -> None:
        """Warn of pictures that did not go through both stages as they should.

        Args:
            causes: Which pictures are neutral, by the cause: bool of shape (n,).

        Warns:
            InvertCaptumWarning: some are neutral, collapsed or interrupted.
        """
        told: dict[str, Tensor] = {}
        left = self.neutral
        for cause, rows in causes.items():
            # A picture is told of once, with its first cause.
            told[f"have nothing to decide between, and the mask is ½ everywhere: {cause}"] = (
                rows & left
            )
            left = left & ~rows
        told |= {
            "kept their last weights, because a step would have left none or a mask that is the "
            "same everywhere; a smaller gamma, delta or learning_rate may help": self.collapsed,
            "stopped early, because the loss became NaN or infinite": self.interrupted,
        }
        for what, rows in told.items():
            if found := rows.nonzero().flatten().tolist():
                warn(f"pictures in rows {listed(found)} (of {len(rows)}) {what}")
