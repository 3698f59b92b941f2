"""Variants of Guided Feature Inversion: other layers, backgrounds, schedules and penalties."""

from __future__ import annotations

from benchmarks.localization_of_objects.object_methods import (
    LAST_BLOCK,
    Method,
    averaged,
    inversion,
)

BACKGROUNDS = ("blur", "mean", "noise")
AS_IT_IS = "as it is"


def variants() -> dict[str, list[Method]]:
    """Return the variants by what they vary, the method as it is first."""
    backgrounds = [inversion(name, background=name) for name in BACKGROUNDS]
    return {
        "–": [inversion(AS_IT_IS)],
        "mask layer": [
            inversion("l1 = _blocks.15", LAST_BLOCK),
            inversion("l1 = _blocks.10, 14 x 14", "_blocks.10"),
        ],
        "background": [
            *backgrounds[1:],
            averaged("mean of masks: blur, mean, noise", backgrounds),
        ],
        "schedule": [inversion("0 + 80 steps", n_inversion_steps=0, n_target_steps=80)],
        "λ": [
            inversion("λ = 0", background_weight=0.0),
        ],
        "δ": [
            inversion("δ = 0", delta=0.0),
            inversion("δ = 0.1", delta=0.1),
        ],
        "loss": [
            inversion("relative", inversion_loss="relative"),
            inversion("logit", output="logit"),
            inversion("logit, δ = 0.1", output="logit", delta=0.1),
        ],
        "mask": [
            inversion("free, learning rate .05", mask="free", learning_rate=0.05),
        ],
    }
