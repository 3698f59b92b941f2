"""The command line: ``invert-captum demo``, ``label`` and ``report``.

Everything heavy is imported inside the commands, so that ``--help`` answers at once.
"""

from __future__ import annotations

import contextlib
import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TextIO

import typer

from invert_captum._log import InvertCaptumWarning
from invert_captum.cli.choices import Reduce, Sign, Significance, TiedNeurons

if TYPE_CHECKING:
    from collections.abc import Iterator

app = typer.Typer(
    name="invert-captum",
    help="What each neuron of a PyTorch model stands for, and how sure that is.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

_REPORT_HELP = (
    "Folder for labels.csv, neurons.png, report.html and what report.html is made of; it is made "
    "if it does not exist, and files of these names are overwritten."
)


Out = Annotated[Path, typer.Option(file_okay=False, help=_REPORT_HELP)]
ShowProgress = Annotated[bool, typer.Option("--progress/--no-progress", help="Progress bars.")]
Page = Annotated[bool, typer.Option("--page/--no-page", help="Write report.html.")]
Top = Annotated[int, typer.Option(min=0, help="Neurons with heat maps in report.html.")]
ClassNames = Annotated[
    Path | None,
    typer.Option(
        dir_okay=False,
        help="Text file for report.html, a line for each class that the model gives. Default: "
        "those of the torchvision model's published weights; else numbers.",
    ),
]


@app.command()
def demo(
    out: Out = Path("invert-captum-demo"),
    neurons: Annotated[
        int | None, typer.Option(min=1, help="Label the first so many neurons only.")
    ] = None,
    page: Page = True,
    top: Top = 48,
    progress: ShowProgress = True,
) -> None:
    """Label 1,280 neurons of EfficientNet-lite0 (ImageNet weights) on 1,889 emoji.

    Nothing is downloaded: model and pictures come with the packages of the demo extra.
    """
    with _plain_errors():
        from invert_captum.demo import run_demo

        run_demo(out, neurons, page=page, top=top, show_progress=progress)


@app.command()
def label(
    model: Annotated[
        str,
        typer.Option(
            help="torchvision:NAME, such as torchvision:resnet18; or package.module:function, a "
            "function without arguments that returns the model. The latter IMPORTS AND RUNS that "
            "code, also from the current folder: name only code that you trust."
        ),
    ],
    layer: Annotated[
        list[str],
        typer.Option(metavar="NAME", help="Dotted, such as layer4.1; may be given repeatedly."),
    ],
    images: Annotated[Path, typer.Option(file_okay=False, help="Folder of pictures.")],
    concepts: Annotated[
        str,
        typer.Option(
            help="A CSV file (one column of picture paths relative to --images, then one 0/1 "
            "column per concept); or the word folders: every folder in --images is a concept."
        ),
    ],
    out: Out,
    weights: Annotated[
        Path | None,
        typer.Option(
            dir_okay=False,
            help="The model's state dict: FILE.safetensors, FILE.pt or FILE.pth (read as plain "
            "tensors, never as code). Without it a torchvision model has random weights.",
        ),
    ] = None,
    preprocess: Annotated[
        str | None,
        typer.Option(
            help="package.module:function from an RGB PIL image to a tensor; IMPORTS AND RUNS that "
            "code. Default: as the torchvision model's published weights expect it; for other "
            "models 224 pixels and the channel means of ImageNet."
        ),
    ] = None,
    image_size: Annotated[
        int | None, typer.Option(min=1, help="Side in pixels: scale the shorter side, cut square.")
    ] = None,
    batch_size: Annotated[int, typer.Option(min=1, help="Pictures a forward pass.")] = 32,
    device: Annotated[str, typer.Option(help="Where the model runs: cpu, cuda, mps.")] = "cpu",
    reduce: Annotated[
        Reduce, typer.Option(help="How positions become one number per neuron.")
    ] = Reduce.mean,
    neuron_dim: Annotated[
        int | None, typer.Option(help="Axis of the neurons in the layer's output.")
    ] = None,
    max_length: Annotated[int, typer.Option(min=1, help="Most concepts in a label.")] = 3,
    beam_width: Annotated[int, typer.Option(min=1, help="Labels kept while searching.")] = 5,
    top_k: Annotated[int, typer.Option(min=1, help="Labels per neuron in the table.")] = 1,
    min_positives: Annotated[
        int,
        typer.Option(
            min=1, help="Fewest pictures that a label holds for (scaled to those searched)."
        ),
    ] = 20,
    min_fraction: Annotated[float, typer.Option(help="Smallest share it holds for.")] = 0.0,
    max_fraction: Annotated[float, typer.Option(help="Largest share it holds for.")] = 0.5,
    sign: Annotated[
        Sign, typer.Option(help="Label what comes with high activation, low, or either.")
    ] = Sign.positive,
    significance: Annotated[
        Significance,
        typer.Option(help="Test on pictures that the search did not see, or by permuting all."),
    ] = Significance.holdout,
    folds: Annotated[
        int | None, typer.Option(min=2, help="Test on so many parts in turn instead of one half.")
    ] = None,
    permutations: Annotated[
        int | None, typer.Option(min=1, help="Permuted searches; as many as needed if not given.")
    ] = None,
    tied_neurons: Annotated[
        TiedNeurons, typer.Option(help="Which permuted searches a neuron with ties is held to.")
    ] = TiedNeurons.own_null,
    null_cache: Annotated[
        Path | None, typer.Option(file_okay=False, help="Keeps permuted searches for later runs.")
    ] = None,
    score: Annotated[
        list[str] | None, typer.Option(help="A further score as a column, such as f1; repeatable.")
    ] = None,
    correction: Annotated[
        str,
        typer.Option(
            help="For many neurons; a method of statsmodels' multipletests, or with permutations "
            "westfall_young or westfall_young_raw."
        ),
    ] = "holm",
    alpha: Annotated[float, typer.Option(help="Level of the corrected test.")] = 0.05,
    seed: Annotated[int, typer.Option(help="Of splits and permutations.")] = 0,
    class_names: ClassNames = None,
    page: Page = True,
    top: Top = 48,
    progress: ShowProgress = True,
) -> None:
    """Label the neurons of your own model with concepts of your own pictures."""
    with _plain_errors():
        from invert_captum.cli.label import ModelChoice, PictureChoice, run_label
        from invert_captum.cli.page import read_class_names

        names = read_class_names(class_names)
        run_label(
            ModelChoice(model, tuple(layer), weights, device, reduce.value, neuron_dim, names),
            PictureChoice(images, concepts, preprocess, image_size, batch_size),
            out,
            page=page,
            top=top,
            show_progress=progress,
            max_length=max_length,
            beam_width=beam_width,
            top_k=top_k,
            min_positives=min_positives,
            min_fraction=min_fraction,
            max_fraction=max_fraction,
            sign=sign.value,
            significance=None if significance is Significance.none else significance.value,
            n_folds=folds,
            n_permutations=permutations,
            tied_neurons=tied_neurons.value,
            null_cache=null_cache,
            scores=tuple(score or ()),
            correction=correction,
            alpha=alpha,
            seed=seed,
        )


@app.command()
def report(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="What demo or label has written with --out.")
    ],
    out: Annotated[
        Path | None, typer.Option(dir_okay=False, help="The page; report.html in DIR by default.")
    ] = None,
    heat_maps: Annotated[
        bool, typer.Option("--heat-maps/--no-heat-maps", help="Run the model for heat maps.")
    ] = True,
    inversion_layer: Annotated[
        str | None,
        typer.Option(
            help="Make the heat maps by Guided Feature Inversion: what has to stay of a picture "
            "for the neuron to stay active, where the features of this layer, such as layer4, "
            "stay as they are. Slow: 150 forward and backward passes a picture; take a small --top."
        ),
    ] = None,
    mask_layer: Annotated[
        str | None,
        typer.Option(
            help="The layer whose channels make these maps: what it gives or, if only that has "
            "positions (a pooling layer), what it gets. Default: the inversion layer."
        ),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            help="Say again which package.module:function makes the model: it IMPORTS AND RUNS "
            "that code, which the files in DIR alone never do."
        ),
    ] = None,
    preprocess: Annotated[
        str | None, typer.Option(help="Likewise which package.module:function preprocesses.")
    ] = None,
    weights: Annotated[
        Path | None, typer.Option(dir_okay=False, help="Where the model's weights lie now.")
    ] = None,
    images: Annotated[
        Path | None, typer.Option(file_okay=False, help="Where the pictures lie now.")
    ] = None,
    device: Annotated[str, typer.Option(help="Where the model runs: cpu, cuda, mps.")] = "cpu",
    class_names: ClassNames = None,
    top: Top = 48,
    progress: ShowProgress = True,
) -> None:
    """Make the page of a labelling in DIR: one HTML file to search, sort and look at."""
    with _plain_errors():
        from invert_captum.cli.heat_map_choice import HeatMapChoice

        maps = HeatMapChoice.of(
            heat_maps=heat_maps, top=top, inversion_layer=inversion_layer, mask_layer=mask_layer
        )
        from invert_captum.cli.report import Overrides, run_report

        run_report(
            folder,
            out,
            Overrides(model, preprocess, weights, images, device, class_names),
            maps,
            show_progress=progress,
        )


@contextlib.contextmanager
def _plain_errors() -> Iterator[None]:
    """Tell errors that the user can mend, and warnings, in one line on standard error."""
    with warnings.catch_warnings():
        warnings.simplefilter("always", InvertCaptumWarning)
        warnings.showwarning = _tell_warning
        try:
            yield
        except (ValueError, TypeError, OSError, ImportError) as error:
            typer.echo(f"error: {error}", err=True)
            raise typer.Exit(1) from error


def _tell_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    if issubclass(category, InvertCaptumWarning):
        typer.echo(f"warning: {message}", err=True)
    else:
        told = warnings.formatwarning(message, category, filename, lineno, line)
        (file or sys.stderr).write(told)


def main() -> None:
    """Run the command line."""
    app()


if __name__ == "__main__":
    main()
