"""A network whose two classes are a red and a blue square, with weights set by hand."""

from __future__ import annotations

import copy

import torch
from reference_inversion import Equations, blurred
from torch import Tensor, nn

SIZE = 32
CELL = 4


class HandSetNetwork(nn.Module):
    """Redness and blueness of cells of 4 × 4 pixels, their means, and one class for each.

    The layer ``colours`` gives two channels, what is redder and what is bluer than the other two
    colours; ``layout`` arranges them as (n, 2, 8, 8), as (n, 8, 8, 2), or as a class token of zeros
    and 64 patches (n, 65, 2).

    Args:
        layout: "maps", "channels_last" or "tokens".
        gain: Of the channels.
    """

    def __init__(self, layout: str = "maps", gain: float = 10.0) -> None:
        super().__init__()
        self.cells = nn.Conv2d(3, 2, CELL, CELL, bias=False)
        self.relu = nn.ReLU()
        self.colours = Layout(layout)
        self.classes = nn.Linear(2, 2, bias=False)
        colours = torch.tensor([[1.0, -0.5, -0.5], [-0.5, -0.5, 1.0]]) * gain / CELL**2
        with torch.no_grad():
            self.cells.weight.copy_(colours[..., None, None].expand(2, 3, CELL, CELL))
            self.classes.weight.copy_(torch.tensor([[1.0, -1.0], [-1.0, 1.0]]) * 40 / gain)

    def forward(self, pictures: Tensor) -> Tensor:
        colours = self.colours(self.relu(self.cells(pictures)))
        return self.classes(self.colours.undone(colours).mean((2, 3)))


class Layout(nn.Module):
    """Maps (n, K, h, w) in another order of axes."""

    def __init__(self, layout: str) -> None:
        super().__init__()
        self.layout = layout

    def forward(self, maps: Tensor) -> Tensor:
        if self.layout == "maps":
            return maps
        if self.layout == "channels_last":
            return maps.movedim(1, -1)
        return nn.functional.pad(maps.flatten(2).mT, (0, 0, 1, 0))

    def undone(self, maps: Tensor) -> Tensor:
        if self.layout == "maps":
            return maps
        if self.layout == "channels_last":
            return maps.movedim(-1, 1)
        return maps[:, 1:].mT.unflatten(2, (SIZE // CELL, SIZE // CELL))


def squares(
    red: tuple[int, int] = (4, 4), blue: tuple[int, int] = (20, 20), side: int = 8
) -> Tensor:
    """A grey picture (3, 32, 32) with a red and a blue square at these rows and columns."""
    picture = torch.full((3, SIZE, SIZE), 0.4)
    for colour, (row, column) in ((0, red), (2, blue)):
        picture[:, row : row + side, column : column + side] = 0.1
        picture[colour, row : row + side, column : column + side] = 1.0
    return picture


def noise(n: int, seed: int = 0) -> Tensor:
    """Pictures (n, 3, 32, 32) of random squares under noise, all different."""
    generator = torch.Generator().manual_seed(seed)
    places = torch.randint(0, SIZE - 8, (n, 4), generator=generator).tolist()
    plain = [squares((a, b), (c, d)) for a, b, c, d in places]
    return torch.stack(plain) + 0.1 * torch.rand(n, 3, SIZE, SIZE, generator=generator)


def equations(
    network: HandSetNetwork, picture: Tensor, target: int | None = None, **options: object
) -> Equations:
    """The equations of one picture in float64; its channels are both layers.

    Args:
        network: The network, with maps (n, K, h, w).
        picture: Shape (3, 32, 32).
        target: The class whose probability counts.
        **options: Of `Equations`; ``free=True`` for a free mask; the background is blurred.
    """
    network, picture = copy.deepcopy(network).double(), picture.double()

    def representation(one: Tensor) -> Tensor:
        return network.relu(network.cells(one[None]))[0]

    def score(one: Tensor) -> Tensor:
        return network(one[None]).softmax(1)[0, target]

    free, background = options.pop("free", False), options.pop("background", None)
    return Equations(
        picture,
        blurred(picture) if background is None else background.double(),
        representation,
        None if free else representation(picture).detach(),
        None if target is None else score,
        **options,
    )
