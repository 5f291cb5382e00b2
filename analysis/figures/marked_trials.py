"""Which mark of a picture is which trial: `data-trial` on the marks of an SVG, which the page's script looks for.

Very many marks are painted as one picture; where each of them is then stands beside it, as a `Crowd`.
"""

import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.figure import Figure

MOST_POINTS = 2000
"""Above it marks are painted as one picture: a page with a hundred thousand elements does not scroll."""
_NAME = "trials-"
_GROUP = re.compile(rf'<g id="{_NAME}([\d-]+)">')
_TAG = re.compile(r"<(/?)(g|defs|use|path)\b[^>]*?(/?)>")


def trial_marks(trials: Sequence[int]) -> str:
    """The `gid` of an artist whose marks, in order, are these trials."""
    return _NAME + "-".join(map(str, trials))


@dataclass(frozen=True)
class Crowd:
    """Marks that are painted as one picture, for the page's script to find under the pointer.

    Args:
        lines: whether each is a line through its places; else each is a point.
        trials: of the marks, in order.
        places: of each mark x and y by turns, in units of the SVG; None where a line is broken.
    """

    lines: bool
    trials: tuple[int, ...]
    places: tuple[tuple[float | None, ...], ...]


def crowds_of(drawn: "Figure") -> tuple[Crowd, ...]:
    """The marks of a figure that are pictures; its layout must stand. Their axes get a name in the SVG."""
    scale, height = 72 / drawn.dpi, 72 * drawn.get_figheight()
    found = []
    for artist in drawn.findobj(lambda item: bool(item.get_rasterized()) and str(item.get_gid()).startswith(_NAME)):
        trials = tuple(int(number) for number in str(artist.get_gid()).removeprefix(_NAME).split("-"))
        lines, pixels, sizes = _vertices(artist)
        rounded = np.round(pixels * (scale, -scale) + (0, height), 1).ravel()
        flat = [None if value != value else value for value in rounded.tolist()]  # NaN is a break
        ends = 2 * np.cumsum([0, *sizes])
        if len(sizes) == len(trials):
            places = tuple(tuple(flat[start:end]) for start, end in itertools.pairwise(ends.tolist()))
            found.append(Crowd(lines, trials, places))
            if artist.axes is not None:
                artist.axes.set_gid(f"crowd-{len(found)}")
    return tuple(found)


def _vertices(artist: "Artist") -> tuple[bool, NDArray[np.float64], list[int]]:
    """Whether the marks are lines; the places of all in pixels, from the lower left corner; how many each has.

    Shapes:
        places: ``[places, 2]``
    """
    from matplotlib.collections import LineCollection, PathCollection, PolyCollection
    from matplotlib.lines import Line2D

    if isinstance(artist, PathCollection | Line2D):
        points = artist.get_offsets() if isinstance(artist, PathCollection) else artist.get_xydata()
        way = artist.get_offset_transform() if isinstance(artist, PathCollection) else artist.get_transform()
        return False, np.asarray(way.transform(np.asarray(points)), dtype=np.float64), [1] * len(np.asarray(points))
    assert isinstance(artist, LineCollection | PolyCollection)
    found = [np.asarray(path.vertices, dtype=np.float64) for path in artist.get_paths()]
    if isinstance(artist, PolyCollection):  # bars: each is a line along its middle
        low, high = (np.array([end(points, axis=0) for points in found]) for end in (np.min, np.max))
        middle = (low[:, 1] + high[:, 1]) / 2
        lefts, rights = np.column_stack([low[:, 0], middle]), np.column_stack([high[:, 0], middle])
        found = list(np.stack([lefts, rights], axis=1))
    places = artist.get_transform().transform(np.concatenate(found))
    return True, np.asarray(places, dtype=np.float64), [len(points) for points in found]


def with_trials(svg: str) -> str:
    """Writes the trials of such artists on their marks; where their numbers differ, none."""
    parts, done = [], 0
    for group in _GROUP.finditer(svg):
        trials = group[1].split("-")
        places = list(_marks(svg, group.end()))
        parts += [svg[done : group.start()], "<g>"]
        done = group.end()
        if len(places) == len(trials):
            for place, trial in zip(places, trials, strict=True):
                parts += [svg[done:place], f' data-trial="{trial}"']
                done = place
    return "".join([*parts, svg[done:]])


def _marks(svg: str, start: int) -> Iterator[int]:
    """Where the attributes of each mark of a group begin."""
    depth, defined = 1, False
    for tag in _TAG.finditer(svg, start):
        closing, name, empty = tag.groups()
        if name == "defs":
            defined = not closing
        elif name == "g":
            depth += -1 if closing else 0 if empty else 1
        elif not defined and not closing:
            yield tag.start() + 1 + len(name)
        if depth == 0:
            return
