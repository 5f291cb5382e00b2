"""Replicates one by one: a column for each seed, a line for each of the best trials, the controls and the teacher."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from acgkd.errors import NothingToShowError
from analysis.figures.canvas import BLUE, GREEN, INK, MUTED, ORANGE, PURPLE, SKY, VERMILLION
from analysis.figures.drawing import figure
from analysis.figures.marked_trials import trial_marks
from analysis.statistics.history.attempts import name_of
from analysis.statistics.trust.seed_effects import SeedTable, seed_effect, seed_table
from analysis.statistics.view import View

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_CONTROLS = (VERMILLION, GREEN, PURPLE, ORANGE)


@dataclass(frozen=True)
class SeedLines:
    """What is drawn.

    Args:
        table: values by seed.
        chosen: number of the chosen trial.
        called: how pages call it.
        hardest: the seed that sinks every trial; None where none does.
    """

    table: SeedTable
    chosen: int | None
    called: str
    hardest: int | None


def seed_lines(view: View) -> SeedLines:
    """The replicates of the best trials and of the controls.

    Raises:
        NothingToShowError: no complete trial has a value.
    """
    table = seed_table(view)
    if not table.trials.notna().to_numpy().any():
        raise NothingToShowError("No complete trial has replicates to compare.")
    effect, chosen = seed_effect(table), view.choice.trial
    called = name_of(view, chosen) if chosen is not None else ""
    return SeedLines(table, chosen, called, effect.seed if effect is not None and effect.sinks_every_trial else None)


def paint_seeds(content: SeedLines) -> "Figure":
    """Draws the lines; a seed that sinks every trial is shaded."""

    def paint(drawn: "Figure") -> None:
        axes = drawn.subplots()
        table = content.table
        places = np.arange(len(table.seeds))
        if content.hardest is not None:
            place = table.seeds.index(content.hardest)
            axes.axvspan(place - 0.5, place + 0.5, color=ORANGE, alpha=0.14, lw=0)
        _trials(axes, content, places)
        dashes = ("--", "-.", (0, (1, 1)))
        for index, (label, values) in enumerate(table.controls.iterrows()):
            style = dashes[index // len(_CONTROLS) % len(dashes)]
            colour = _CONTROLS[index % len(_CONTROLS)]
            axes.plot(places, values, "s", ls=style, ms=4, lw=1.3, color=colour, label=str(label), zorder=3)
        if table.teacher.notna().any():
            axes.plot(places, table.teacher, "D-", ms=4, lw=1.6, color=MUTED, label="teacher", zorder=2)
        axes.set_xticks(places, [str(seed) for seed in table.seeds], rotation=0 if len(places) <= 16 else 60)
        axes.set_xlim(-0.5, len(places) - 0.5)
        axes.set_xlabel("seed")
        axes.set_ylabel(f"{table.name} ({'↑' if table.sign > 0 else '↓'})")
        axes.grid(visible=True, axis="x")
        axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5))

    return figure((8.2, 3.6), paint)


def _trials(axes: "Axes", content: SeedLines, places: "np.ndarray") -> None:
    others = [number for number in content.table.trials.index if number != content.chosen]
    for number in [*reversed(others), *([content.chosen] if content.chosen in content.table.trials.index else [])]:
        values = content.table.trials.loc[number]
        chosen = number == content.chosen
        label = content.called if chosen else "the other best trials" if number == others[0] else None
        colour, above = (BLUE, 5) if chosen else (SKY, 4)
        (line,) = axes.plot(places, values, "-", color=colour, lw=2.4 if chosen else 1.1, zorder=above, label=label)
        (marks,) = axes.plot(places, values, "o", color=colour, ms=5.5 if chosen else 4, zorder=above)
        marks.set_markeredgecolor(INK if chosen else SKY)
        marks.set_markeredgewidth(0.6)
        line.set_gid(trial_marks([number]))
        marks.set_gid(trial_marks([number] * int(values.notna().sum())))
