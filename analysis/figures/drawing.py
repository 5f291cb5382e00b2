"""A figure in the look of this project: matplotlib's own, that a notebook shows and the user may change and save."""

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Literal

import matplotlib
from matplotlib.backend_bases import RendererBase
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from analysis.figures.canvas import SETTINGS

_NO_DATE = {"Date": None, "Creator": None}


@contextmanager
def look() -> Iterator[None]:
    """Our settings, for the time of one drawing; the process's own are put back."""
    if all(matplotlib.rcParams[name] == value for name, value in SETTINGS.items()):
        yield  # within another look
        return
    with matplotlib.rc_context(SETTINGS):
        yield


class Drawing(Figure):
    """A figure whose ticks and texts keep our look, though they are only made while it is drawn."""

    def draw(self, renderer: RendererBase) -> None:
        """Draws it."""
        with look():
            super().draw(renderer)

    def _repr_png_(self) -> bytes:
        return png_of(self)


def figure(
    size: tuple[float, float],
    paint: Callable[[Figure], None],
    layout: Literal["constrained"] | None = "constrained",
) -> Figure:
    """Makes a figure and lets `paint` fill it; no pyplot, and so no global state, is involved.

    Args:
        size: width and height in inches.
        paint: adds axes to it.
        layout: None where `paint` places the axes itself, which saves the search for many panels.
    """
    with look():
        made = Drawing(figsize=size, layout=layout, facecolor="white")
        fill(made, paint)
    return made


def fill(made: Figure, paint: Callable[[Figure], None]) -> None:
    """Lets `paint` fill a figure: most of a report's time, which tests of other things save."""
    paint(made)


def png_of(drawn: Figure) -> bytes:
    """The figure as a PNG file; equal figures give equal bytes."""
    buffer = io.BytesIO()
    with look():
        canvas = FigureCanvasAgg(drawn)
        # Level 2 packs lines and text nearly as well as 6, in a third of the time.
        canvas.print_png(buffer, metadata={"Software": None}, pil_kwargs={"compress_level": 2})  # type: ignore[no-untyped-call]
    return buffer.getvalue()


def svg_of(drawn: Figure) -> str:
    """The figure as an SVG document without backgrounds; equal figures give equal text. Its layout stands after it."""
    buffer = io.StringIO()
    drawn.set_layout_engine("none")
    for patch in (drawn.patch, *(axes.patch for axes in drawn.axes)):
        patch.set_visible(False)
    with look():
        FigureCanvasSVG(drawn).print_svg(buffer, metadata=_NO_DATE)  # type: ignore[no-untyped-call]
    return buffer.getvalue()
