"""Pictures without human maps, as items that can be mixed with those that have one."""

from __future__ import annotations

from typing import Any

import torch
from torch.utils.data import Dataset, IterableDataset

from invert_captum._validation import check_integer, shown
from invert_captum.alignment.clickme.clickme_dataset import ClickMeItem


class WithoutHumanMaps(Dataset[ClickMeItem]):
    """A labelled data set, with an all-zero map and the token 0 on every item.

    The loss takes the class of such an item into account, but no map. The data sets that it is
    mixed with must give items of (image, label, heatmap, token) too, all four: a token of
    ``torch.tensor(1.0)`` where there is a map, as `ClickMeDataset` gives.

    Args:
        dataset: A map-style data set of (image, label), or of items that begin so; image is a
            tensor of shape (C, H, W), label an integer.
        map_size: The maps' height and width, in pixels, or one number for both.

    Raises:
        TypeError: ``dataset`` has no length and indexing, ``map_size`` is no integer or pair; on
            indexing: an item does not begin with a tensor and an integer.
        ValueError: ``map_size`` is below 1.

    Examples:
        >>> import torch
        >>> from torch.utils.data import ConcatDataset, DataLoader, TensorDataset
        >>> plain = TensorDataset(torch.rand(4, 3, 32, 32), torch.tensor([0, 1, 1, 0]))
        >>> image, label, heatmap, token = WithoutHumanMaps(plain, 32)[1]
        >>> label, heatmap.shape, token
        (1, torch.Size([32, 32]), tensor(0.))
        >>> with_maps = [(torch.rand(3, 32, 32), 1, torch.rand(32, 32), torch.tensor(1.0))]
        >>> mixed = DataLoader(ConcatDataset([with_maps, WithoutHumanMaps(plain, 32)]), 5)
        >>> next(iter(mixed))[3]
        tensor([1., 0., 0., 0., 0.])
    """

    def __init__(self, dataset: Dataset[Any], map_size: int | tuple[int, int]) -> None:
        # torch's Dataset has both methods' names in some versions, so an iterable one is asked for.
        if isinstance(dataset, IterableDataset) or not hasattr(dataset, "__len__"):
            raise TypeError(
                f"dataset is of type {type(dataset).__name__}; expected a data set with a length "
                "and indexing"
            )
        self.dataset = dataset
        pair = map_size if isinstance(map_size, tuple) else (map_size, map_size)
        if len(pair) != 2:
            raise TypeError(f"map_size is {shown(map_size)}; expected an integer or two")
        self.map_size = tuple(check_integer("map_size", side, minimum=1) for side in pair)

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, index: int) -> ClickMeItem:
        item = self.dataset[index]
        if not isinstance(item, (tuple, list)) or len(item) < 2:
            entries = f" of {len(item)}" if isinstance(item, (tuple, list)) else ""
            came = f"{type(item).__name__}{entries}"
            raise TypeError(f"dataset[{index}] is a {came}; expected (image, label)")
        image, label = item[0], _as_integer(index, item[1])
        if not isinstance(image, torch.Tensor):
            raise TypeError(
                f"dataset[{index}] has an image of type {type(image).__name__}; expected a tensor, "
                "as a transform like torchvision's ToTensor gives"
            )
        return ClickMeItem(image, label, torch.zeros(self.map_size), torch.tensor(0.0))


def _as_integer(index: int, label: object) -> int:
    # A TensorDataset keeps labels as tensors, which collate into another type than integers do.
    number = label.item() if isinstance(label, torch.Tensor) and label.ndim == 0 else label
    return check_integer(f"the label of dataset[{index}]", number, minimum=0)
