"""Networks as they come, with random weights: convolutions, windows and tokens."""

from __future__ import annotations

import pytest
import torch
from torchvision import models

from invert_captum.attr.feature_inversion.guided_feature_inversion import GuidedFeatureInversion

NETWORKS = {
    "resnet18": (lambda: models.resnet18(num_classes=10), "layer4", "layer4.1.conv1", 64),
    "swin_t": (lambda: models.swin_t(num_classes=10), "features.5", None, 64),
    "vit_b_16": (
        lambda: models.VisionTransformer(64, 16, 2, 4, 48, 96, num_classes=10),
        "encoder.layers.encoder_layer_1",
        "encoder.layers.encoder_layer_0",
        64,
    ),
}


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("mask", ["channels", "free"])
def test_two_steps(name, mask):
    make, inversion_layer, mask_layer, size = NETWORKS[name]
    torch.manual_seed(0)
    network = make()
    pictures = torch.rand(2, 3, size, size)
    details = GuidedFeatureInversion(network, inversion_layer, mask_layer).attribute_with_details(
        pictures, [1, 2], n_inversion_steps=2, n_target_steps=2, mask=mask, gamma=1.0, delta=1.0
    )
    assert details.attributions.shape == pictures.shape
    assert details.mask.isfinite().all()
    assert not (details.neutral | details.interrupted).any()
    assert (details.mask.amax((1, 2, 3)) > details.mask.amin((1, 2, 3))).all()
    assert details.masked_output.isfinite().all()
    assert network.training


def test_pictures_that_are_not_square():
    torch.manual_seed(0)
    network = models.swin_t(num_classes=10)
    pictures = torch.rand(1, 3, 64, 128)
    mask = GuidedFeatureInversion(network, "features.3").attribute(
        pictures, 3, n_inversion_steps=2, n_target_steps=2
    )
    assert mask.shape == pictures.shape
    assert mask.isfinite().all()
