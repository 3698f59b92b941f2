"""How well maps say where the object of a class lies.

All take maps (n, height, width), of which the pointing game takes the highest point and all others
the positive part; and masks (n, k, height, width), the asked-for object first. All return float64
of shape (n,).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torchvision.ops import box_iou, masks_to_boxes

from benchmarks.localization_of_neurons.measures import concept_share
from invert_captum.attr.localization.bounding_boxes import localize
from invert_captum.attr.localization.pointing import pointing_game

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

# Du et al. 2018: a box is right if its overlap is greater.
_LEAST_OVERLAP = 0.5


def pointing(maps: Tensor, masks: Tensor) -> NDArray[np.float64]:
    """Return 1 where the highest point is within 15 pixels of the object, else 0."""
    found: NDArray[np.float64] = pointing_game(maps, masks[:, 0]).double().numpy()
    return found


def localisation_error(maps: Tensor, masks: Tensor) -> NDArray[np.float64]:
    """Return 1 where the box of the map misses that of the object, else 0.

    The map's box is the tightest around all that exceeds 1.5 times its mean, and misses the
    tightest box of the object if it overlaps it by at most one half (intersection over union; Du
    et al. 2018, section 4.4).
    """
    boxes = localize(maps.clamp(min=0)).double()
    tightest = masks_to_boxes(masks[:, 0]).double()
    tightest[:, 2:] += 1  # The first column and row outside.
    # A map that exceeds nothing has an empty box, and no overlap.
    overlap = box_iou(boxes, tightest).diagonal()
    return (overlap <= _LEAST_OVERLAP).double().numpy()


def energy_inside(maps: Tensor, masks: Tensor) -> NDArray[np.float64]:
    """Return the share of the map that lies on the object; 0 for a map that is nowhere positive."""
    positive = maps.double().clamp(min=0)
    inside = (positive * masks[:, 0]).sum(dim=(1, 2))
    total = positive.sum(dim=(1, 2))
    found: NDArray[np.float64] = torch.where(total > 0, inside / total, 0).numpy()
    return found


def class_share(maps: Tensor, masks: Tensor) -> NDArray[np.float64]:
    """Return a / (a + b), a and b the mean of the map on the asked-for object and on the other.

    It is one half if both are the same to the map, also where it is positive on neither.
    """
    share = concept_share(maps.double().numpy(), masks.numpy())
    return np.nan_to_num(share, nan=0.5)


def asked_ahead(maps: Tensor, masks: Tensor) -> NDArray[np.float64]:
    """Return 1 where the mean of the map is greater on the asked-for object than on the other."""
    return (class_share(maps, masks) > 0.5).astype(np.float64)
