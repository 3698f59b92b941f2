"""What figures say, and whether it can be read."""

from __future__ import annotations

from itertools import combinations

from matplotlib.text import Text

HOSTILE_NAMES = [
    "$x^2$ & $y",
    "<script>alert(1)</script>",
    "שלום עולם",
    "مرحبا",
    "dog 🐶👩‍🚀",
    "A-name-without-a-single-space-that-is-wider-than-any-figure-that-is-drawn-could-ever-be-"
    "however-small-its-letters-were-made",
    "many words " * 30,
]


def texts_of(figure) -> list[Text]:
    """Every text that is drawn, ticks included."""
    figure.canvas.draw()
    found = []
    for text in figure.findobj(Text):
        box = text.get_window_extent()
        if text.get_visible() and text.get_text().strip() and box.width > 0:
            found.append(text)
    # Ticks outside of the limits of an axis are there, but not drawn.
    return [text for text in found if is_shown(text)]


def is_shown(text: Text) -> bool:
    for axes in text.figure.axes:
        for axis, bounds in ((axes.xaxis, axes.get_xlim()), (axes.yaxis, axes.get_ylim())):
            for tick in axis.get_major_ticks():
                if text is tick.label1:
                    return min(bounds) - 1e-9 <= tick.get_loc() <= max(bounds) + 1e-9
                if text is tick.label2:
                    return False
    return True


def axes_of(figure, gid: str):
    """The axes of this name."""
    (axes,) = [axes for axes in figure.axes if axes.get_gid() == gid]
    return axes


def told(figure) -> str:
    return "\n".join(text.get_text() for text in texts_of(figure))


def assert_inside(figure, dpi: float) -> None:
    """No text is cut at so many dots per inch."""
    figure.set_dpi(dpi)
    for text in texts_of(figure):
        box = text.get_window_extent()
        assert figure.bbox.x0 <= box.x0, text
        assert box.x1 <= figure.bbox.x1, text


def assert_readable(figure, smallest: float = 10) -> None:
    """No text is cut, small, or on another."""
    texts = texts_of(figure)
    boxes = [text.get_window_extent() for text in texts]
    for text, box in zip(texts, boxes, strict=True):
        assert text.get_size() >= smallest, text
        assert figure.bbox.x0 <= box.x0, text
        assert box.x1 <= figure.bbox.x1, text
        assert figure.bbox.y0 <= box.y0, text
        assert box.y1 <= figure.bbox.y1, text
    for (text, box), (other, other_box) in combinations(zip(texts, boxes, strict=True), 2):
        # Boxes have the height of a whole line, of which letters fill the middle.
        inner, other_inner = (each.expanded(0.98, 0.7) for each in (box, other_box))
        assert not inner.overlaps(other_inner), (text, other)
