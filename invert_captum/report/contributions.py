"""The figure of a prediction split over labels: a waterfall from the baseline to the prediction."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.ticker import MaxNLocator

from invert_captum._validation import check_integer
from invert_captum.attr.contribution.contribution_table import target_words
from invert_captum.report.glyphs import drawable, in_reading_order
from invert_captum.report.neuron_card import axes_at, swatch, write
from invert_captum.report.panel import TEXT_SIZE, TICK_SIZE, halo
from invert_captum.report.picture_arrays import picture_array
from invert_captum.report.text_fit import FILLED, text_width, wrap
from invert_captum.report.theme import Theme, ThemeName, theme_named
from invert_captum.report.waterfall import Step, typeset, waterfall

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from matplotlib.axes import Axes

    from invert_captum.attr.contribution.contributions import Contributions

# Inches.
_WIDTH, _DPI = 12.6, 140
_MARGIN, _PICTURE, _PICTURE_GAP = 0.45, 1.15, 0.3
_TITLE_LINE, _NOTE_LINE, _LEGEND, _ROW_GAP, _AXIS = 0.4, 0.26, 0.3, 0.25, 0.65
_LINE, _PAD, _WIDEST_NAME, _NAME_GAP = 0.21, 0.19, 4.6, 0.15
_NUMBER_GAP, _BAR, _TICK = 0.07, 0.24, 0.3
# Of a target's name: two lines hold it and the numbers.
_MOST_LETTERS = 48
_ROUNDS = 30

_TITLE_FONT = FontProperties(family="DejaVu Sans", weight="bold", size=21)
_NOTE_FONT = FontProperties(family="DejaVu Sans", size=12.5)
_LABEL_FONT = FontProperties(family="DejaVu Sans", weight="bold", size=TEXT_SIZE)
_FONT = FontProperties(family="DejaVu Sans", size=TEXT_SIZE)


def plot_contributions(
    contributions: Contributions,
    sample: int = 0,
    *,
    top: int = 10,
    target_name: str | None = None,
    picture: Any = None,
    theme: ThemeName = "light",
) -> Figure:
    """Draw what a prediction is made of: a waterfall from the baseline's to its own.

    A bar each has the labels that contribute most, up or down (neurons of the same label taken
    together); all other labels; what no labelled neuron accounts for; and what the method missed
    (the convergence delta, by which the parts exceed the change, with its sign turned).
    Every bar begins where the one above it ends, so that the last ends at the prediction.

    Args:
        contributions: What `ConceptContribution` found.
        sample: Which of its rows.
        top: How many labels have a bar of their own.
        target_name: What the target is called, such as ``"mosque"``.
        picture: The input to show beside the title: a PIL image, or an array or tensor as for
            `plot_neuron`. None: none.
        theme: ``"light"`` or ``"dark"``, both with an opaque ground.

    Returns:
        *matplotlib.figure.Figure*: to save with ``figure.savefig(path)``; pyplot is not involved.

    Raises:
        ValueError: If there is no such sample, its numbers are not finite, or an argument is out
            of its range.

    Examples:
        >>> import torch
        >>> import invert_captum as ic
        >>> dog = ic.Explanation(None, 0, 0, ic.Formula.concept("dog"), 1)
        >>> neurons = torch.tensor([[2.0]], dtype=torch.float64)
        >>> remainder, prediction, baseline = neurons[:, 0] / 4, neurons[:, 0] + 1.5, neurons[:, 0]
        >>> split = ic.attr.Contributions(neurons, (0,), (dog,), remainder, prediction, baseline)
        >>> plot_contributions(split, target_name="kennel").texts[0].get_text()
        'kennel: 3.5, 1.5 above the baseline'
    """
    check_integer("top", top, minimum=1)
    colours = theme_named(theme)
    steps = waterfall(contributions, sample, top)
    pixels = None if picture is None else picture_array(picture)
    title, note = _title(contributions, sample, target_name), _note(contributions)
    return _Waterfall(steps, title, note, pixels, colours).figure()


def _title(contributions: Contributions, sample: int, target_name: str | None) -> str:
    prediction = float(contributions.prediction[sample])
    change = float(contributions.change[sample])
    name = target_words(contributions, sample) if target_name is None else target_name
    if len(name) > _MOST_LETTERS:
        name = f"{name[: _MOST_LETTERS - 1]}…"
    mean = f", mean of {contributions.n_samples:,}" if contributions.n_samples > 1 else ""
    side = "above" if change >= 0 else "below"
    return f"{name}{mean}: {typeset(f'{prediction:.4g}')}, {abs(change):.4g} {side} the baseline"


def _note(contributions: Contributions) -> str:
    count, labels = len(contributions.explanations), len(contributions.labels)
    neurons = "labelled neuron" if count == 1 else "labelled neurons"
    of_labels = f"{count:,} {neurons}, {labels:,} {'label' if labels == 1 else 'labels'}"
    errors = "  ·  ± standard error" if contributions.standard_errors is not None else ""
    return f"{contributions.method}  ·  {of_labels}{errors}"


@dataclass(frozen=True)
class _Waterfall:
    """The figure, from its content to its drawing."""

    steps: list[Step]
    title: str
    note: str
    picture: npt.NDArray[np.float64] | None
    theme: Theme

    @cached_property
    def fonts(self) -> list[FontProperties]:
        """The font of each bar's name."""
        return [_FONT if step.kind == "rest" else _LABEL_FONT for step in self.steps]

    @cached_property
    def names(self) -> list[list[str]]:
        """The lines of each bar's name."""
        names = []
        for step, font in zip(self.steps, self.fonts, strict=True):
            lines = wrap(drawable(step.name), _WIDEST_NAME, font, lines=3)
            names.append([in_reading_order(line) for line in lines])
        return names

    @cached_property
    def heights(self) -> list[float]:
        """The height of each bar's row in inches."""
        return [len(lines) * _LINE + _PAD for lines in self.names]

    @property
    def picture_width(self) -> float:
        """Inches of the picture."""
        if self.picture is None:
            return 0.0
        height, width = self.picture.shape[:2]
        return _PICTURE * min(1.0, float(width / height))

    def figure(self) -> Figure:
        """Draw all of it."""
        left = _MARGIN + (self.picture_width + _PICTURE_GAP if self.picture_width else 0.0)
        room = FILLED * (_WIDTH - _MARGIN - left)
        titles = wrap(drawable(self.title), room, _TITLE_FONT, lines=2)
        header = len(titles) * _TITLE_LINE + _NOTE_LINE + _LEGEND
        header = _MARGIN + max(header, _PICTURE if self.picture_width else 0) + _ROW_GAP
        height = header + sum(self.heights) + _AXIS + _MARGIN / 2
        figure = Figure(figsize=(_WIDTH, height), dpi=_DPI, facecolor=self.theme.ground)
        FigureCanvasAgg(figure)
        self._draw_header(figure, titles, left)
        self._draw_bars(figure, height - header)
        return figure

    def _draw_header(self, figure: Figure, titles: list[str], left: float) -> None:
        height = float(figure.get_size_inches()[1])
        if self.picture is not None:
            bottom = height - _MARGIN - _PICTURE
            axes = axes_at(figure, _MARGIN, bottom, self.picture_width, _PICTURE)
            axes.imshow(self.picture, interpolation="antialiased")
            axes.set_anchor("NW")
            axes.set_axis_off()
        y = height - _MARGIN - 0.22
        for line in titles:
            style = {"color": self.theme.ink, "fontproperties": _TITLE_FONT}
            write(figure, left, y, in_reading_order(line), **style)
            y -= _TITLE_LINE
        write(figure, left, y, self.note, color=self.theme.muted, fontproperties=_NOTE_FONT)
        y -= _LEGEND
        for words, colour in (
            ("raises the prediction", self.theme.inside),
            ("lowers it", self.theme.outside),
        ):
            swatch(figure, left, y, colour)
            style = {"color": self.theme.ink, "fontproperties": _NOTE_FONT}
            left = write(figure, left + 0.23, y, words, **style) + 0.3

    def _draw_bars(self, figure: Figure, top: float) -> None:
        widths = [
            max(text_width(line, font) for line in lines)
            for lines, font in zip(self.names, self.fonts, strict=True)
        ]
        left = _MARGIN + max(widths) + _NAME_GAP
        width, height = _WIDTH - _MARGIN - left, sum(self.heights)
        axes = axes_at(figure, left, top - height, width, height)
        axes.set_gid("waterfall")
        axes.set_xlim(*self._limits(width))
        axes.set_ylim(height, 0)
        self._style(axes)
        edge, before = 0.0, None
        for number, (step, row) in enumerate(zip(self.steps, self.heights, strict=True)):
            middle = edge + row / 2
            if before is not None:
                axes.plot([step.begin] * 2, [before, middle], color=self.theme.muted, lw=0.9)
            self._draw_step(axes, step, middle)
            lines = self.names[number]
            for place, line in enumerate(lines):
                # Half the height of a letter lies above the middle of its line.
                y = top - middle + ((len(lines) - 1) / 2 - place) * _LINE - 0.055
                self._write_name(figure, left - _NAME_GAP, y, line, self.fonts[number])
            edge, before = edge + row, middle

    def _draw_step(self, axes: Axes, step: Step, middle: float) -> None:
        rises = step.end >= step.begin
        if step.kind == "total":
            ends = [middle - _TICK / 2, middle + _TICK / 2]
            axes.plot([step.end] * 2, ends, color=self.theme.ink, lw=3, clip_on=False, zorder=3)
        else:
            colour = self.theme.inside if rises else self.theme.outside
            size = step.end - step.begin
            axes.barh(middle, size, _BAR, left=step.begin, color=colour, lw=0, zorder=3)
        axes.annotate(
            step.text,
            (step.end, middle),
            (72 * _NUMBER_GAP * (1 if rises else -1), 0),
            textcoords="offset points",
            ha="left" if rises else "right",
            va="center",
            fontproperties=self._number_font(step),
            color=self.theme.ink,
            annotation_clip=False,
            path_effects=halo(self.theme.ground),
            zorder=4,
        )

    def _number_font(self, step: Step) -> FontProperties:
        return _LABEL_FONT if step.kind == "total" else _FONT

    def _limits(self, width: float) -> tuple[float, float]:
        """Return the ends of an axis of ``width`` inches on which bars and numbers fit."""
        ends = [end for step in self.steps for end in (step.begin, step.end)]
        low, high = min(ends), max(ends)
        if low == high:
            low, high = low - 0.5, high + 0.5
        numbers = [text_width(s.text, self._number_font(s)) + 2 * _NUMBER_GAP for s in self.steps]
        limits = low, high
        # The wider the axis, the more of it a number takes; this converges fast.
        for _ in range(_ROUNDS):
            unit = (limits[1] - limits[0]) / width
            lows, highs = [low], [high]
            for step, number in zip(self.steps, numbers, strict=True):
                if step.end >= step.begin:
                    highs.append(step.end + number * unit)
                else:
                    lows.append(step.end - number * unit)
            limits = min(lows), max(highs)
        return limits

    def _style(self, axes: Axes) -> None:
        theme = self.theme
        axes.set_yticks([])
        axes.set_facecolor(theme.ground)
        axes.spines[["top", "left", "right"]].set_visible(False)
        axes.spines["bottom"].set_color(theme.hairline)
        axes.tick_params(axis="x", labelsize=TICK_SIZE, colors=theme.muted, length=3, width=0.8)
        axes.xaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 2.5, 5, 10]))
        axes.xaxis.set_major_formatter(lambda number, _: typeset(f"{number:.4g}"))
        axes.set_xlabel("prediction", size=TEXT_SIZE, color=theme.ink, labelpad=5)

    def _write_name(
        self, figure: Figure, right: float, bottom: float, line: str, font: FontProperties
    ) -> None:
        width, height = figure.get_size_inches()
        figure.text(
            right / width,
            bottom / height,
            line,
            ha="right",
            va="baseline",
            color=self.theme.ink,
            fontproperties=font,
            parse_math=False,
        )
