"""The head of the page on graph methods."""

import math
from collections.abc import Sequence

from analysis.statistics.paired import Paired
from benchmarks._lib.opening import Opening, listed
from benchmarks._lib.tables import Results, difference
from benchmarks.graphs._rivals import Best, best
from benchmarks.graphs._targets import FEWEST_SEEDS

FLOOR = "random_graphs"
COMMAND = "python -m benchmarks.graphs.graph_methods"


def opening(results: Sequence[Results], pair: tuple[str, str], main: str, rivals: Sequence[str]) -> Opening:
    """Question, answer, figure, caveat and command.

    Args:
        results: of all sweeps.
        pair: teacher and student that the page's targets speak of.
        main: label of the method.
        rivals: methods that it is compared with.
    """
    mine = [item for item in results if of_pair(item, pair)]
    found = {_name(item): best(item, main, rivals) for item in mine}
    judged = [item for item in mine if item.planned >= FEWEST_SEEDS and found[_name(item)]]
    clear = [_name(item) for item in judged if all(one.clear for one in found[_name(item)])]
    floor = [item for item in judged if _beyond_chance(item.against(main, FLOOR))]
    rows = [one for each in found.values() for one in each]
    short = sum(one.reduced for one in rows)
    return Opening(
        "Is a student that ACGKD teaches without data more accurate than one that GFKD, DFAD-GNN or DeepInversion "
        "teaches, each at its best published row?",
        f"From `{pair[0]}` to `{pair[1]}` it leads all of them beyond chance on {len(clear)} of {len(judged)} sets "
        f"with {FEWEST_SEEDS} seeds or more ({listed(clear)}); elsewhere that is not shown.",
        _figure(mine[0], found[_name(mine[0])], main) if mine else "None yet.",
        f"{short} of the {len(rows)} rows that it is compared with are *reduced*, with fewer steps than the method's "
        f"default, so a lead over them decides nothing; over untrained pseudo-graphs (`{FLOOR}`) it leads beyond "
        f"chance on {len(floor)} of {len(judged)} sets.",
        COMMAND,
    )


def of_pair(result: Results, pair: tuple[str, str]) -> bool:
    """Whether a sweep is of a teacher and a student."""
    return (result.spec.teacher.preset, result.spec.student.preset) == pair


def _name(result: Results) -> str:
    return str(result.spec.dataset.name if result.spec.dataset else "")


def _figure(result: Results, rows: Sequence[Best], main: str) -> str:
    """The first set's accuracy, beside each rival's."""
    own = result.value(main, "test_accuracy")
    if math.isnan(own) or not rows:
        return "None yet: not all of the first data set has been run."
    sides = [
        f"{result.value(one.label, 'test_accuracy'):.3f} for `{one.label}`{', *reduced*' if one.reduced else ''} "
        f"({difference(one.gap).replace(' (', ', ').rstrip(')')})"
        for one in rows
    ]
    seeds = f"{result.planned} seeds, differences with 95 % intervals."
    return f"On {_name(result)} {own:.3f}, against {listed(sides)}; {seeds}"


def _beyond_chance(gap: Paired | None) -> bool:
    return gap is not None and gap.difference.low > 0
