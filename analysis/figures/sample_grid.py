"""Pictures of pseudo-samples: a row for each class, below each sample the teacher's confidence."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from analysis.figures.canvas import BLUE, INK, MUTED, SERIES
from analysis.figures.drawing import figure
from analysis.figures.graph_layout import layout
from analysis.records.pseudo_samples import Array, PseudoSamples, read
from analysis.statistics.view import View

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# All lengths are in units of the picture, of which an inch has so many; an image's side is about the first.
INCH, IMAGE, GRAPH = 128, 88, 190
GAP, BELOW, BESIDE, LEGEND = 8, 20, 72, 96
MOST_COLUMNS, ROWS = 8, 5
NODES = SERIES[:5]  # the sixth looks like the first on a dark page


@dataclass(frozen=True)
class Grid:
    """Where samples stand: classes one below the other, in several blocks side by side where they are many.

    Args:
        classes: how many rows there are to place.
        columns: samples in a row.
        width: of a sample.
        height: of a sample.
    """

    classes: int
    columns: int
    width: int
    height: int

    @property
    def blocks(self) -> int:
        """How many blocks stand side by side."""
        return max(1, min(MOST_COLUMNS // self.columns, -(-self.classes // ROWS)))

    @property
    def rows(self) -> int:
        """Classes in a block."""
        return -(-self.classes // self.blocks)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of it all."""
        return self.blocks * (BESIDE + self.columns * (self.width + GAP)), self.rows * (self.height + BELOW)

    def corner(self, number: int, place: int) -> tuple[int, int]:
        """The upper left corner of a sample.

        Args:
            number: the class.
            place: the sample's among those of its class.
        """
        block, row = divmod(number, self.rows)
        left = block * (BESIDE + self.columns * (self.width + GAP)) + BESIDE
        return left + place * (self.width + GAP), row * (self.height + BELOW)


@dataclass(frozen=True)
class Kept:
    """The pseudo-samples that one replicate kept.

    Args:
        label: of its trial or control; of a sweep without a space, the trial's method.
        replicate: which one.
        content: the samples, or why there are none.
    """

    label: str
    replicate: int
    content: PseudoSamples


def kept_samples(view: View) -> list[Kept]:
    """What the chosen trial's replicates kept, then what those of the controls did; empty where nothing was kept."""
    folder, rows = view.metadata.folder, view.frame.rows
    if folder is None:
        return []
    chosen = (
        rows[(rows["kind"] == "trial") & (rows["trial"] == view.choice.trial)]
        if view.choice.trial is not None
        else rows[:0]
    )
    found = []
    for part in (chosen, rows[rows["kind"] == "control"]):
        for _, row in part.sort_values("replicate").iterrows():
            content = read(folder / "samples" / f"{str(row['file']).removesuffix('.json')}.npz")
            if content is not None:
                label = str(row["label"] if view.searched or row["kind"] == "control" else row["method"])
                found.append(Kept(label, int(row["replicate"]), content))
    return found


def paint_samples(content: PseudoSamples, kinds: Sequence[int] = ()) -> "Figure":
    """Draws pseudo-samples of either modality; there must be some.

    Args:
        content: the pseudo-samples.
        kinds: of graphs, the features that nodes are coloured by, as `kinds_of` says them; all nodes alike if left out.
    """
    images = content.modality == "images"
    width, height = _zoomed(content.arrays["pixels"]) if images else (GRAPH, GRAPH)
    grid = Grid(content.classes, content.per_class, width, height)
    bottom = grid.size[1] + (BELOW if kinds else 0)
    size = (grid.size[0] / INCH, (bottom + GAP) / INCH)

    def fill(drawn: "Figure") -> None:
        axes = drawn.add_axes((0, 0, 1, 1))
        axes.set(xlim=(0, grid.size[0]), ylim=(bottom, -GAP))
        axes.axis("off")
        _label(axes, grid, content)
        if images:
            _paint_images(axes, grid, content)
        else:
            _paint_graphs(axes, grid, content, kinds)

    return figure(size, fill, layout=None)


def placed(content: PseudoSamples) -> Iterator[tuple[int, int, int]]:
    """Each pseudo-sample's number, its class, and which of that class it is."""
    before: dict[int, int] = {}
    for number, label in enumerate(content.label.tolist()):
        yield number, label, before.setdefault(label, 0)
        before[label] += 1


def kinds_of(contents: Iterable[PseudoSamples]) -> list[int]:
    """The most frequent features of nodes, over all pictures that share colours; none where features are no kinds."""
    features = [
        content.arrays["feature"]
        for content in contents
        if content.modality == "graphs" and str(content.arrays["features"]) == "categorical"
    ]
    kinds, counts = np.unique(np.concatenate(features or [np.zeros(0, dtype=np.int64)]), return_counts=True)
    return [int(kind) for kind in np.sort(kinds[np.argsort(-counts, kind="stable")][: len(NODES)])]


def _label(axes: "Axes", grid: Grid, content: PseudoSamples) -> None:
    """Names the rows and says below each sample how sure the teacher is."""
    there = set(content.label.tolist())
    for number in range(content.classes):
        left, top = grid.corner(number, 0)
        axes.text(left - GAP, top + grid.height / 2, f"class {number}", ha="right", va="center", fontsize=8.5)
        if number not in there:
            _say(axes, f"none\namong {content.drawn}", left, top, grid)
    for number, label, place in placed(content):
        left, top = grid.corner(label, place)
        text = f"{content.confidence[number]:.2f}"
        if content.modality == "graphs":
            nodes, edges = content.arrays["nodes"][number], content.arrays["edges"][number]
            text += f" · {nodes} nodes, {edges} edges"
        middle = left + grid.width / 2
        axes.text(middle, top + grid.height + 3, text, ha="center", va="top", fontsize=7, color=MUTED)


def _say(axes: "Axes", text: str, left: int, top: int, grid: Grid) -> None:
    """Words in place of a sample."""
    x, y = left + grid.width / 2, top + grid.height / 2
    axes.text(x, y, text, ha="center", va="center", fontsize=8, color=MUTED)


def _zoomed(pixels: Array) -> tuple[int, int]:
    """Width and height of an image as it is shown, each pixel a whole number of times: its edges are to be seen."""
    height, width = (int(length) for length in pixels.shape[1:3])
    zoom = max(1, round(IMAGE / max(height, width)))
    return zoom * width, zoom * height


def _paint_images(axes: "Axes", grid: Grid, content: PseudoSamples) -> None:
    pixels = content.arrays["pixels"]
    zoom = grid.height // pixels.shape[1]
    # One image for all: the canvas would blend several, and smooth them.
    mosaic = np.zeros((grid.size[1], grid.size[0], 4), dtype=np.uint8)
    for number, label, place in placed(content):
        left, top = grid.corner(label, place)
        part = mosaic[top : top + grid.height, left : left + grid.width]
        part[..., :3] = pixels[number].repeat(zoom, axis=0).repeat(zoom, axis=1)
        part[..., 3] = 255
    axes.imshow(mosaic, interpolation="none", extent=(0, grid.size[0], grid.size[1], 0), aspect="auto")


def _paint_graphs(axes: "Axes", grid: Grid, content: PseudoSamples, kinds: Sequence[int]) -> None:
    nodes, edges, shown = (content.arrays[name].tolist() for name in ("nodes", "edges", "shown"))
    first, past = 0, 0
    for number, label, place in placed(content):
        left, top = grid.corner(label, place)
        if not shown[number]:
            _say(axes, "too large\nto draw", left, top, grid)
            continue
        ends = content.arrays["ends"][:, past : past + edges[number]]
        feature = content.arrays["feature"][first : first + nodes[number]]
        first, past = first + nodes[number], past + edges[number]
        _paint_graph(axes, _fitted(layout(nodes[number], ends), left, top, grid), ends, feature, kinds)
    bottom = grid.size[1] + BELOW / 2
    for place, kind in enumerate(kinds):
        left = BESIDE + 10 + place * LEGEND
        axes.plot(left, bottom, "o", ms=4.5, color=NODES[place], mec="#ffffff", mew=0.4)
        axes.text(left + 8, bottom, f"feature {kind}", va="center", fontsize=7, color=INK)


def _fitted(places: Array, left: int, top: int, grid: Grid) -> Array:
    """The places within their cell, in its middle; no edge of a tiny graph is drawn longer than a third of it."""
    border = 10
    extent = np.ptp(places, axis=0)
    scale = min((grid.width - 2 * border) / max(float(extent.max()), 1e-9), grid.width / 3)
    middle = np.array([left + grid.width / 2, top + grid.height / 2])
    fitted: Array = (places - places.min(axis=0) - extent / 2) * scale + middle
    return fitted


def _paint_graph(axes: "Axes", places: Array, ends: Array, feature: Array, kinds: Sequence[int]) -> None:
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path

    if ends.shape[1]:
        lines = places[ends.T.reshape(-1)]
        codes = np.tile([Path.MOVETO, Path.LINETO], ends.shape[1])
        strength = float(np.clip(60 / ends.shape[1], 0.25, 0.9))
        axes.add_patch(PathPatch(Path(lines, codes), fill=False, ec=MUTED, lw=0.8, alpha=strength))
    size = float(np.clip(26 / np.sqrt(len(places)), 1.6, 6))
    for place, kind in enumerate(kinds):
        chosen = places[feature == kind]
        axes.plot(*chosen.T, "o", ms=size, color=NODES[place], mec="#ffffff", mew=0.4)
    others = places[~np.isin(feature, kinds)] if kinds else places
    if len(others):
        axes.plot(*others.T, "o", ms=size, color=MUTED if kinds else BLUE, mec="#ffffff", mew=0.4)
