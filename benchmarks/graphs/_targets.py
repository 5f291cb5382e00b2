"""What the comparison of methods was to show: met, missed, or not decided where a rival had too few steps."""

import math
from collections.abc import Callable, Sequence

from acgkd.config import MethodChoice, flatten
from acgkd.methods import parse_method
from benchmarks._lib.tables import Results
from benchmarks.graphs._rivals import REDUCED, Best, best

# Below so many seeds nothing is said of a difference.
FEWEST_SEEDS = 5
# On so many sets the method was to be above a rival beyond chance.
CLEAR_SETS = 2


def targets(results: Sequence[Results], pair: tuple[str, str], main: str, rivals: Sequence[str]) -> list[str]:
    """What was promised of one method on one pair, with the figures; against a rival by its best row.

    Args:
        results: of all sweeps.
        pair: teacher and student that the targets speak of.
        main: label of the method.
        rivals: methods that it shall be above.
    """
    gin = [item for item in results if (item.spec.teacher.preset, item.spec.student.preset) == pair]
    names = {item.spec.name: str(item.spec.dataset.name if item.spec.dataset else "") for item in gin}
    if any(math.isnan(item.value(main, "ratio")) for item in gin) or not gin:
        return ["Not every data set has been run yet."]

    def each(figure: Callable[[Results], float]) -> str:
        return ", ".join(f"{names[item.spec.name]} {figure(item):.3f}" for item in gin)

    def enough(item: Results) -> bool:
        near = item.value(main, "test_accuracy") >= item.value("real_data", "test_accuracy") - 0.02
        return item.value(main, "ratio") >= 0.95 or (item.value("real_data", "ratio") < 0.95 and near)

    ratios = [item.value(main, "ratio") for item in gin]
    shares = [item.value(main, "share") for item in gin if not math.isnan(item.value(main, "share"))]
    laws = (
        (
            "mean ratio at least 0.95 on every set, or within 2 points of `real_data` where that is below 0.95",
            all(map(enough, gin)),
            each(lambda item: item.value(main, "ratio")),
        ),
        ("ratio at least 0.97 on average", sum(ratios) / len(ratios) >= 0.97, f"{sum(ratios) / len(ratios):.3f}"),
        (
            "recovered share at least 0.8 on average where it is defined",
            bool(shares) and sum(shares) / len(shares) >= 0.8,
            f"{sum(shares) / len(shares):.2f} over {len(shares)} sets" if shares else "defined nowhere",
        ),
    )
    lines = [(law, "met" if met else "missed", detail) for law, met, detail in laws]
    for rival in rivals:
        rows = [(names[item.spec.name], item.planned, found) for item in gin for found in best(item, main, [rival])]
        lines.append(_above(rival, [(name, found) for name, _, found in rows]))
        lines.append(_clear(rival, [(name, found) for name, planned, found in rows if planned >= FEWEST_SEEDS]))
    apart = {names[item.spec.name]: _apart(item.spec.method) for item in gin}
    but = "; ".join(f"{settings} on {name}" for name, settings in apart.items() if settings)
    head = f"Of `{main}`, `{pair[0]}` → `{pair[1]}`, at its defaults{but and f' but for {but}'}:"
    return [head, "", *(f"* {law}: {met}; {detail}" for law, met, detail in lines)]


def _above(rival: str, rows: Sequence[tuple[str, Best]]) -> tuple[str, str, str]:
    """The target of means: a lead over a row with too few steps leaves it open."""
    behind = [name for name, found in rows if not found.above]
    short = [name for name, found in rows if found.reduced and found.above]
    met = "missed" if behind else "not decided" if short or not rows else "met"
    detail = f"above on {len(rows) - len(behind)} of {len(rows)} sets"
    detail += f", not on {', '.join(behind)}" if behind else ""
    detail += f"; {REDUCED} on {', '.join(short)}" if short else ""
    return f"mean test accuracy above `{rival}`'s best row wherever it was run", met, detail


def _clear(rival: str, rows: Sequence[tuple[str, Best]]) -> tuple[str, str, str]:
    """The target of differences: a lead over a row with too few steps decides nothing."""
    won = [name for name, found in rows if found.clear and not found.reduced]
    open_ = [name for name, found in rows if found.clear and found.reduced]
    met = "met" if len(won) >= CLEAR_SETS else "missed" if len(won) + len(open_) < CLEAR_SETS else "not decided"
    detail = (
        f"on {len(won) + len(open_)} of {len(rows)}: {', '.join([*won, *(f'{name} ({REDUCED})' for name in open_)])}"
    )
    law = (
        f"difference to `{rival}`'s best row with an interval above 0 on at least {CLEAR_SETS} of the sets with "
        f"{FEWEST_SEEDS} seeds or more"
    )
    return law, met, detail if won or open_ else f"on 0 of {len(rows)}"


def _apart(choice: MethodChoice) -> str:
    """The settings of a method that are not its defaults."""
    ours, defaults = (
        flatten(parse_method(each)[1].model_dump(mode="json")) for each in (choice, MethodChoice(name=choice.name))
    )
    return ", ".join(f"`{name}` {value}" for name, value in ours.items() if value != defaults.get(name))
