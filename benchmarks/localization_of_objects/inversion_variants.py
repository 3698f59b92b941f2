"""Variants of Guided Feature Inversion: other layers, backgrounds, schedules and penalties."""

from __future__ import annotations

import functools

from benchmarks.localization_of_objects.object_methods import (
    LAST_BLOCK,
    Method,
    averaged,
    blurred,
    inversion,
)

SIGMAS = (5.0, 11.0, 22.0)
BACKGROUNDS = ("blur", "mean", "noise")
AS_IT_IS = "as it is"


def _blurs() -> list[Method]:
    return [
        inversion(f"σ = {sigma:.0f}", background=functools.partial(blurred, sigma=sigma))
        for sigma in SIGMAS
    ]


def variants() -> dict[str, list[Method]]:
    """Return the variants by what they vary, the method as it is first."""
    narrow, usual, wide = _blurs()
    backgrounds = [inversion(name, background=name) for name in BACKGROUNDS]
    return {
        "–": [inversion(AS_IT_IS)],
        "mask layer": [
            inversion("l1 = _blocks.15", LAST_BLOCK),
            inversion("l1 = _blocks.10, 14 x 14", "_blocks.10"),
        ],
        "inversion layer": [
            inversion("l0 = _blocks.10", inversion_layer="_blocks.10"),
            inversion("both = _blocks.10", "_blocks.10", "_blocks.10"),
        ],
        "background": [
            *backgrounds[1:],
            narrow,
            wide,
            averaged("mean of masks: blur, mean, noise", backgrounds),
            averaged("mean of masks: σ = 5, 11, 22", [narrow, usual, wide]),
        ],
        "schedule": [
            inversion("5 + 35 steps", n_inversion_steps=5, n_target_steps=35),
            inversion("10 + 140 steps", n_target_steps=140),
            inversion("50 + 70 steps", n_inversion_steps=50),
            inversion("learning rate .003", learning_rate=3e-3),
            inversion("learning rate .03", learning_rate=3e-2),
        ],
        "λ": [
            inversion("λ = 0", background_weight=0.0),
            inversion("λ = 0.3", background_weight=0.3),
            inversion("λ = 3", background_weight=3.0),
        ],
        "δ": [
            inversion("δ = 0", delta=0.0),
            inversion("δ = 0.1", delta=0.1),
            inversion("δ = 10", delta=10.0),
        ],
        "loss": [
            inversion("relative", inversion_loss="relative"),
            inversion("logit", output="logit"),
        ],
        "mask": [
            inversion("free", mask="free"),
            inversion("free, l1 = _blocks.10, 14 x 14", "_blocks.10", mask="free"),
        ],
    }
