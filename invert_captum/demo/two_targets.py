"""One picture, two classes: what Guided Feature Inversion keeps of a picture for each of them.

Run ``python -m invert_captum.demo.two_targets --out FILE.png``.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np
import torch
import typer
from PIL import Image
from torchvision.transforms.functional import to_tensor

from invert_captum.attr.feature_inversion.backgrounds import background_of
from invert_captum.attr.feature_inversion.guided_feature_inversion import GuidedFeatureInversion
from invert_captum.demo.emoji import CREDIT, PICTURE_SIZE, PictureDataset, read_emoji
from invert_captum.demo.network import load_network
from invert_captum.demo.page import imagenet_classes
from invert_captum.demo.two_targets_figure import draw_two_targets

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.figure import Figure
    from torch import Tensor, nn

INVERSION_LAYER = "_blocks.15"
"""The last block, whose 7 x 7 features stage 1 keeps."""

MASK_LAYER = "_avg_pooling"
"""What comes into it, 1,280 channels of 7 x 7, makes the mask."""

GROUND = "#c9cdd2"


@dataclass(frozen=True)
class Pasted:
    """An emoji in the picture: its name, its class of ImageNet, left and top corner, and side."""

    name: str
    target: int
    corner: tuple[int, int]
    side: int


# The network knows few emoji for what they are. Of the pairs with an animal that were tried on
# plain grounds, this is the one whose less probable class is the most probable.
SCENE = (
    Pasted("PENGUIN", target=145, corner=(4, 108), side=112),
    Pasted("SOCCER BALL", target=805, corner=(124, 8), side=96),
)
"""A king penguin and a soccer ball."""


@dataclass(frozen=True)
class Drawing:
    """A finished picture, as `PictureDataset` takes it."""

    image: Image.Image

    def picture(self) -> Image.Image:
        """Return the picture."""
        return self.image


@dataclass(frozen=True, eq=False)
class Views:
    """One picture through k + 1 masks: one for each of k targets and one for none, the last.

    Attributes:
        picture: RGB in [0, 1], shape (3, 224, 224).
        masks: In [0, 1], shape (k + 1, 1, 224, 224).
        kept: Φ, the picture where the mask is 1 and its blur where it is 0: RGB in [0, 1], shape
            (k + 1, 3, 224, 224).
        on_picture: Probabilities of all classes on the picture, shape (classes,).
        on_kept: The same on Φ, shape (k + 1, classes).
        on_rest: The same on the reverse, which is blurred where the mask is 1.
    """

    picture: Tensor
    masks: Tensor
    kept: Tensor
    on_picture: Tensor
    on_kept: Tensor
    on_rest: Tensor


def compose(scene: Sequence[Pasted] = SCENE, ground: str = GROUND) -> Image.Image:
    """Return a picture (RGB, 224 x 224) with emoji on a ground of one colour.

    Args:
        scene: The emoji, the last one on top.
        ground: A colour that Pillow knows.

    Raises:
        ModuleNotFoundError: If the ``demo`` extra is not installed.
        ValueError: If there is no emoji of a name.
    """
    by_name = {one.name: one for one in read_emoji()}
    picture = Image.new("RGBA", (PICTURE_SIZE, PICTURE_SIZE), ground)
    for thing in scene:
        if thing.name not in by_name:
            raise ValueError(f"scene has {thing.name!r}; expected the name of an emoji")
        with Image.open(by_name[thing.name].picture_path) as file:
            size = (thing.side, thing.side)
            drawing = file.convert("RGBA").resize(size, Image.Resampling.BICUBIC)
        picture.alpha_composite(drawing, thing.corner)
    return picture.convert("RGB")


def view_through_masks(
    network: nn.Module,
    picture: Image.Image,
    targets: Sequence[int],
    *,
    n_inversion_steps: int = 10,
    n_target_steps: int = 70,
    show_progress: bool = False,
) -> Views:
    """Invert a picture for each of some classes, and without a class.

    Args:
        network: From `load_network`.
        picture: RGB, of any size.
        targets: k classes.
        n_inversion_steps: As in `GuidedFeatureInversion.attribute`.
        n_target_steps: As in `GuidedFeatureInversion.attribute`.
        show_progress: Whether to draw progress bars on standard error.

    Raises:
        ValueError: If a class is not one of the network's.
    """
    inversion = GuidedFeatureInversion(network, INVERSION_LAYER, MASK_LAYER)
    drawing = Drawing(picture.resize((PICTURE_SIZE, PICTURE_SIZE), Image.Resampling.BICUBIC))
    inputs = PictureDataset([drawing])[0].unsqueeze(0)
    # A batch gives each row what it would get alone, so the targets share one.
    calls = (inputs.expand(len(targets), -1, -1, -1), list(targets)), (inputs, None)
    details = [
        inversion.attribute_with_details(
            pictures,
            target,
            n_inversion_steps=n_inversion_steps,
            n_target_steps=n_target_steps,
            attribute_to_layer_input=True,
            show_progress=show_progress,
        )
        for pictures, target in calls
    ]
    mask = torch.cat([one.mask for one in details])
    with torch.no_grad():
        on_picture, on_kept, on_rest = (
            network(_blend(inputs, share)).softmax(1)
            for share in (torch.ones_like(inputs), mask, 1 - mask)
        )
    colours = to_tensor(drawing.image).unsqueeze(0)
    return Views(colours[0], mask, _blend(colours, mask), on_picture[0], on_kept, on_rest)


def _blend(picture: Tensor, mask: Tensor) -> Tensor:
    return picture * mask + background_of(picture, "blur") * (1 - mask)


def write_two_targets(
    out: Path,
    *,
    n_inversion_steps: int = 10,
    n_target_steps: int = 70,
    show_progress: bool = False,
) -> Views:
    """Write the figure of `SCENE`.

    Args:
        out: The PNG file, overwritten if it exists.
        n_inversion_steps: As in `view_through_masks`.
        n_target_steps: As in `view_through_masks`.
        show_progress: As in `view_through_masks`.

    Returns:
        *Views*: what the figure shows.

    Raises:
        ModuleNotFoundError: If the ``demo`` extra is not installed.
    """
    targets = [thing.target for thing in SCENE]
    views = view_through_masks(
        load_network(),
        compose(),
        targets,
        n_inversion_steps=n_inversion_steps,
        n_target_steps=n_target_steps,
        show_progress=show_progress,
    )
    credit = f"Network: EfficientNet-lite0. {CREDIT}"
    _save(draw_two_targets(views, targets, imagenet_classes(), credit), out)
    return views


def _save(figure: Figure, out: Path) -> None:
    """Save in 256 colours, which takes less than half of the bytes; dithered, to hide the steps."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    pixels = Image.open(buffer).convert("RGB")
    palette = pixels.quantize(256)
    reduced = pixels.quantize(palette=palette, dither=Image.Dither.FLOYDSTEINBERG)
    # The ground gets the colour that it shares with all that is nearly white; it is white.
    white = 3 * int(np.asarray(reduced)[0, 0])
    colours = reduced.getpalette() or []
    colours[white : white + 3] = 255, 255, 255
    reduced.putpalette(colours)
    reduced.save(out, optimize=True)


def _png(value: Path) -> Path:
    if value.suffix.lower() != ".png":
        raise typer.BadParameter(f"{value} does not end in .png")
    if not value.parent.is_dir():
        raise typer.BadParameter(f"the folder {value.parent} does not exist")
    return value


def main(
    out: Annotated[
        Path, typer.Option(dir_okay=False, callback=_png, help="The figure, FILE.png.")
    ] = Path("two_targets.png"),
    inversion_steps: Annotated[int, typer.Option(min=0, help="Steps of stage 1.")] = 10,
    target_steps: Annotated[int, typer.Option(min=0, help="Steps of stage 2.")] = 70,
    progress: Annotated[
        bool, typer.Option("--progress/--no-progress", help="Progress bars.")
    ] = True,
) -> None:
    """Draw what EfficientNet-lite0 sees of one picture for each of two classes."""
    views = write_two_targets(
        out,
        n_inversion_steps=inversion_steps,
        n_target_steps=target_steps,
        show_progress=progress,
    )
    names = imagenet_classes()
    for row, thing in enumerate(SCENE):
        shares = (views.on_picture, views.on_kept[row], views.on_rest[row])
        picture, kept, rest = (float(share[thing.target]) for share in shares)
        typer.echo(
            f"{names[thing.target]}: {picture:.3f} on the picture, {kept:.3f} on what its mask "
            f"keeps, {rest:.3f} on the rest"
        )
    typer.echo(f"written: {out}\n{CREDIT}")


if __name__ == "__main__":
    typer.run(main)
