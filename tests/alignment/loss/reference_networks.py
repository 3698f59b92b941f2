"""The networks and batches on which the TensorFlow reference was run."""

import numpy as np
import torch
from torch import nn

PARAMETERS = {
    "0.weight": "conv1_kernel",
    "0.bias": "conv1_bias",
    "2.weight": "conv2_kernel",
    "2.bias": "conv2_bias",
    "6.weight": "head_kernel",
    "6.bias": "head_bias",
}


def network(golden, variant, activation, dtype):
    """Two convolutions, global average pooling and a head, with the stored weights."""
    stored = {
        name: golden[f"loss/{variant}/{key}{_layout(key)}"] for name, key in PARAMETERS.items()
    }
    first, second = stored["0.weight"], stored["2.weight"]
    kind = {"relu": nn.ReLU, "softplus": nn.Softplus}[activation]
    model = nn.Sequential(
        nn.Conv2d(*first.shape[1::-1], first.shape[2:], padding="same"),
        kind(),
        nn.Conv2d(*second.shape[1::-1], second.shape[2:], padding="same"),
        kind(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(*stored["6.weight"].shape[::-1]),
    ).to(dtype)
    model.load_state_dict({name: torch.from_numpy(value) for name, value in stored.items()})
    return model


def _layout(key):
    return {"conv1_kernel": "_oihw", "conv2_kernel": "_oihw", "head_kernel": "_oi"}.get(key, "")


def batch(golden, variant, dtype):
    """Images (N, C, H, W), rows of labels, human maps and tokens."""
    images, labels, heatmaps, tokens = (
        torch.from_numpy(golden[f"loss/{variant}/{key}"]).to(dtype)
        for key in ("images_nhwc", "labels", "heatmaps", "tokens")
    )
    return images.movedim(-1, 1), labels, heatmaps, tokens


def gradient(golden, variant, case, name, suffix):
    """The reference's gradient of a parameter, in torch's layout."""
    stored = golden[f"loss/{variant}/case{case}/grad{suffix}_{PARAMETERS[name]}"]
    order = {4: (3, 2, 0, 1), 2: (1, 0), 1: (0,)}[stored.ndim]
    return torch.from_numpy(np.ascontiguousarray(stored.transpose(order)))
