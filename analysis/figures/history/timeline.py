"""A timeline: a row for each place of work on each machine, a bar for each attempt, lost work marked at its end."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from acgkd.errors import NothingToShowError
from analysis.figures.canvas import BLUE, GREEN, INK, MUTED, PURPLE, SKY, VERMILLION
from analysis.figures.drawing import figure
from analysis.figures.marked_trials import MOST_POINTS, trial_marks
from analysis.statistics.history.attempt_accounts import worker
from analysis.statistics.history.attempts import IDLE_S, Span, busy_stretches, lanes

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_LANES = 48
KINDS = {
    "completed": BLUE,
    "stopped early": SKY,
    "teacher": MUTED,
    "control": GREEN,
    "failed or cut off": PURPLE,
    "under way": "#c8ccd2",
}
LOST = VERMILLION
_UNITS = ((86_400, "days"), (3_600, "hours"), (60, "minutes"), (1, "seconds"))


@dataclass(frozen=True)
class Timeline:
    """What is drawn.

    Args:
        spans: the attempts of the lanes that are shown.
        lanes: machine and place, from the top.
        left_out: lanes that are not shown.
        stretches: when anything ran, in seconds since the epoch; what is between them is cut out.
    """

    spans: tuple[Span, ...]
    lanes: tuple[tuple[str, int], ...]
    left_out: int
    stretches: tuple[tuple[float, float], ...]


def timeline(found: Sequence[Span]) -> Timeline:
    """The attempts of a sweep in time.

    Args:
        found: as `spans` gives them.

    Raises:
        NothingToShowError: none says when it began.
    """
    if not found:
        raise NothingToShowError("No attempt says when it began.")
    every = lanes(found)
    shown = tuple(every[:MOST_LANES])
    of_shown = set(shown)
    kept = tuple(span for span in found if (span.host, span.lane) in of_shown)
    return Timeline(kept, shown, len(every) - len(shown), tuple(_joined(busy_stretches(found))))


def _joined(stretches: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Stretches with a pause that is worth cutting out between them: a minute, and a tenth of all that was worked."""
    least = max(IDLE_S, 0.1 * sum(end - start for start, end in stretches))
    joined = list(stretches[:1])
    for start, end in stretches[1:]:
        if start - joined[-1][1] < least:
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((start, end))
    return joined


def kind_of(span: Span) -> str:
    """Its place in the legend."""
    if span.outcome == "under way":
        return "under way"
    if span.failed:
        return "failed or cut off"
    if span.kind != "trial":
        return span.kind
    return "stopped early" if span.outcome == "pruned" else "completed"


def paint_timeline(content: Timeline) -> "Figure":
    """Draws the bars; pauses of the whole sweep are cut out of the axis, with a line where one was."""

    def paint(drawn: "Figure") -> None:
        axes = drawn.subplots()
        shifts = _shifts(content.stretches)
        span_s = content.stretches[-1][1] - shifts[-1]
        size, unit = next(((size, unit) for size, unit in _UNITS if span_s >= 3 * size), _UNITS[-1])
        row = {lane: index for index, lane in enumerate(content.lanes)}
        bars = [_Bar.of(span, row[span.host, span.lane], content.stretches, shifts, size) for span in content.spans]
        if len(bars) > MOST_POINTS:
            _crowd(axes, bars)
        else:
            for bar in bars:
                bar.paint(axes, numbered=bar.width > 0.02 * span_s / size)
        for (start, _), shift in list(zip(content.stretches, shifts, strict=True))[1:]:
            axes.axvline((start - shift) / size, color=INK, lw=0.9, ls=(0, (2, 2)))
        axes.set_yticks(range(len(content.lanes)), _names(content.lanes))
        axes.set_ylim(len(content.lanes) - 0.4, -0.6)
        axes.set_xlim(0, span_s / size or 1)
        axes.set_xlabel(f"{unit} since the first job began" + (", pauses left out" if len(shifts) > 1 else ""))
        axes.grid(visible=False, axis="y")
        _legend(axes, content.spans)

    rows = len(content.lanes)
    return figure((8.2, 1.5 + max(0.16, min(0.34, 6 / rows)) * rows), paint)


def _shifts(stretches: Sequence[tuple[float, float]]) -> list[float]:
    """What to take from a time of each stretch, so that it lies behind the one before."""
    shifts, used = [], 0.0
    for start, end in stretches:
        shifts.append(start - used)
        used += end - start
    return shifts


@dataclass(frozen=True)
class _Bar:
    span: Span
    row: int
    left: float
    width: float
    lost: float

    @classmethod
    def of(
        cls, span: Span, row: int, stretches: Sequence[tuple[float, float]], shifts: Sequence[float], size: float
    ) -> "_Bar":
        shift = next(shift for (_, end), shift in zip(stretches, shifts, strict=True) if span.began <= end)
        width = (span.ended - span.began) / size
        return cls(span, row, (span.began - shift) / size, width, min(width, span.lost_s / size))

    def paint(self, axes: "Axes", *, numbered: bool) -> None:
        span, right = self.span, self.left + self.width
        [bar] = axes.barh(
            self.row, self.width, left=self.left, height=0.74, color=KINDS[kind_of(span)], ec="white", lw=0.5
        )
        if self.lost > 0:
            axes.barh(self.row, self.lost, left=right - self.lost, height=0.3, color=LOST)
        if span.trial is not None:
            bar.set_gid(trial_marks([span.trial]))
            if numbered:
                place = (self.left + self.width / 2, self.row)
                axes.text(*place, str(span.trial), ha="center", va="center", fontsize=8, color="white", clip_on=True)


def _crowd(axes: "Axes", bars: Sequence[_Bar]) -> None:
    """Very many bars, as one picture."""
    from matplotlib.collections import PolyCollection

    def boxes(found: Iterable[tuple[float, float, int, float]]) -> list[list[tuple[float, float]]]:
        return [
            [(left, row - tall), (left + width, row - tall), (left + width, row + tall), (left, row + tall)]
            for left, width, row, tall in found
        ]

    groups: dict[tuple[str, bool], list[_Bar]] = {}
    for bar in bars:
        groups.setdefault((kind_of(bar.span), bar.span.trial is not None), []).append(bar)
    for (kind, of_trials), inside in groups.items():
        corners = boxes((bar.left, bar.width, bar.row, 0.37) for bar in inside)
        painted = PolyCollection(corners, facecolors=KINDS[kind], edgecolors="none", rasterized=True)
        if of_trials:
            painted.set_gid(trial_marks([bar.span.trial for bar in inside if bar.span.trial is not None]))
        axes.add_collection(painted)
    lost = boxes((bar.left + bar.width - bar.lost, bar.lost, bar.row, 0.15) for bar in bars if bar.lost > 0)
    axes.add_collection(PolyCollection(lost, facecolors=LOST, edgecolors="none", rasterized=True))


def _names(found: Sequence[tuple[str, int]]) -> list[str]:
    """Names of the lanes; of one machine alone its places are enough."""
    if len({host for host, _ in found}) == 1:
        return [f"worker {lane + 1}" for _, lane in found]
    return [worker_name(host, lane) for host, lane in found]


def worker_name(host: str, lane: int) -> str:
    """``node-1 · 2``, shortened where it would not fit."""
    name = host if len(host) <= 22 else f"{host[:21]}…"
    return worker(Span("", "", None, 0, 0, 0.0, 0.0, "", host=name, lane=lane))


def _legend(axes: "Axes", found: Sequence[Span]) -> None:
    present = {kind_of(span) for span in found}
    for kind, colour in KINDS.items():
        if kind in present:
            axes.barh([0], [0], color=colour, label=kind)
    if any(span.lost_s > 0 for span in found):
        axes.barh([0], [0], color=LOST, label="of this, lost work")
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.42 / (0.5 + 0.3 * min(20, _rows(axes)))), ncols=4)


def _rows(axes: "Axes") -> int:
    low, high = sorted(axes.get_ylim())
    return round(high - low)
