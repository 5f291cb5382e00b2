"""What the comparison of methods was to show, met or missed."""

import math
from collections.abc import Callable, Sequence

from _tables import Results

from acgkd.config import MethodChoice, flatten
from acgkd.methods import parse_method


def targets(
    results: Sequence[Results], pair: tuple[str, str], main: str, baseline: str, rivals: Sequence[str]
) -> list[str]:
    """What was promised of one method on one pair, met or missed, with the figures.

    Args:
        results: of all sweeps.
        pair: teacher and student that the targets speak of.
        main: label of the method.
        baseline: label of the one that it is compared with by paired differences.
        rivals: labels of those that it shall be above in the mean.
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
    behind = [
        f"{rival} on {names[item.spec.name]}"
        for item in gin
        for rival in rivals
        if item.value(rival, "test_accuracy") >= item.value(main, "test_accuracy")
    ]
    pairs = {names[item.spec.name]: item.against(main, baseline) for item in gin if item.planned >= 5}
    clear = [name for name, gap in pairs.items() if gap is not None and gap.difference.low > 0]
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
        (
            f"mean test accuracy above {', '.join(rivals)} wherever they were run",
            not behind,
            "; not above " + ", ".join(behind) if behind else "everywhere",
        ),
        (
            f"difference to `{baseline}` with an interval above 0 on at least two of the sets with 5 seeds or more",
            len(clear) >= 2,
            f"on {len(clear)} of {len(pairs)}: {', '.join(clear) or 'none'}",
        ),
    )
    apart = {names[item.spec.name]: _apart(item.spec.method) for item in gin}
    but = "; ".join(f"{settings} on {name}" for name, settings in apart.items() if settings)
    head = f"Of `{main}`, `{pair[0]}` → `{pair[1]}`, at its defaults{but and f' but for {but}'}:"
    return [head, "", *(f"* {law}: {'met' if met else 'missed'}; {told.lstrip('; ')}" for law, met, told in laws)]


def _apart(choice: MethodChoice) -> str:
    """The settings of a method that are not its defaults."""
    ours, defaults = (
        flatten(parse_method(each)[1].model_dump(mode="json")) for each in (choice, MethodChoice(name=choice.name))
    )
    return ", ".join(f"`{name}` {value}" for name, value in ours.items() if value != defaults.get(name))
