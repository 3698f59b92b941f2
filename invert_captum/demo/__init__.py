"""The embedded default: a real pretrained network on real pictures, from installed packages."""

from __future__ import annotations

from invert_captum.demo.run import run_demo

__all__ = ["run_demo"]
