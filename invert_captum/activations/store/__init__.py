"""Activations on disk or in the cloud: written by rows, read by neurons, checked chunk by chunk.

Opening and reading a store needs neither torch nor zarr nor a model.
"""

from __future__ import annotations

from invert_captum.activations.store.activation_store import ActivationStore

__all__ = ["ActivationStore"]
