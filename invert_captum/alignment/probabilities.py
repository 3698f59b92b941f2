"""Probabilities where logits are expected."""

from __future__ import annotations

from invert_captum._log import warn


def warn_of_probabilities() -> None:
    """Say that a model gives what a softmax gives, and what that does to its gradients."""
    warn(
        "model gives numbers from 0 to 1 that sum to one for an image, as a softmax does; "
        "gradients of probabilities are others than those of logits, and vanish for sure "
        "predictions. Expected a model without the softmax"
    )
