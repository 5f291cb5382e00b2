"""Which row of a rival a method is compared with, and whether that row has as many steps as are published."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from acgkd.config import MethodChoice, flatten
from acgkd.methods import parse_method
from analysis.statistics.paired import Paired
from benchmarks._lib.tables import Results, difference, mean_sd, table

REDUCED = "*reduced*"
# Amounts, and what the prior tells every method of the data: a row that differs in these alone is still the method.
AMOUNTS = frozenset(
    {"synthesis/steps", "synthesis/graphs", "synthesis/decay_every", "synthesis/density", "transfer/steps"}
)

RULE = (
    "The rule. A row is *reduced* where it has fewer steps of synthesis, of transfer or of a joint stage than its "
    "method has by default. That is 1,500 for GFKD, as its code was released (its paper has 2,500); 500 student steps "
    "for `dfad_gnn`, as in the port that it follows; and 300 for `deepinv_graphs`, of which no code is public. A "
    "rival's row is *published* where it differs from these defaults only in the numbers of steps and pseudo-graphs, "
    "in the step at which rates fall, and in a density at the start from the prior, which every method is given; GFKD "
    "taught as `acgkd` is, and DFAD-GNN with two more terms, are not. Of a rival's published rows the *best* is that "
    "with the highest mean validation accuracy over the seeds that all of them have, never by test. Our own row, "
    "`acgkd`, was fixed beforehand. Controls (`random_graphs`, `real_data`) are no rivals."
)


@dataclass(frozen=True)
class Best:
    """A rival's best row on one pair.

    Args:
        method: the rival.
        label: of the row.
        reduced: whether it has fewer steps than the rival is published with.
        accuracy: on validation splits.
        gap: what the method has more than it, on test splits; None where either is not there.
    """

    method: str
    label: str
    reduced: bool
    accuracy: float
    gap: Paired | None

    @property
    def clear(self) -> bool:
        """Whether the method is above it beyond chance."""
        return self.gap is not None and self.gap.difference.low > 0

    @property
    def above(self) -> bool:
        """Whether the method's mean is above it."""
        return self.gap is not None and self.gap.difference.mean > 0


def choices(result: Results) -> dict[str, MethodChoice]:
    """Every row's method and settings, by label."""
    spec = result.spec
    return {spec.method.name: spec.method, **{c.label: spec.control_config(c.label).method for c in spec.controls}}


def published(choice: MethodChoice) -> bool:
    """Whether a row is its method as published, but for amounts."""
    ours, defaults = (flatten(parse_method(each)[1].model_dump()) for each in (choice, MethodChoice(name=choice.name)))
    return all(path in AMOUNTS or value == defaults.get(path) for path, value in ours.items())


def steps(result: Results, label: str) -> Iterator[tuple[int, int]]:
    """Steps of each stage that a row's records went through, by their settings and by its method's default."""
    known = choices(result)
    rows = result.rows[result.rows["label"] == label]
    if label not in known or rows.empty:
        return
    defaults = flatten(parse_method(MethodChoice(name=known[label].name))[1].model_dump())
    for stage, where in (("synthesis", "synthesis"), ("transfer", "transfer"), ("joint", "transfer")):
        column, default = f"setting/method/{where}/steps", defaults.get(f"{where}/steps")
        if default is None or column not in rows or rows[f"{stage}_steps"].isna().all():
            continue
        yield int(rows[column].dropna().iloc[0]), int(default)


def amount(count: int, result: Results, label: str, pace: float | None) -> str:
    """``160 of 1,500 × 32 ms``: steps of a row, its method's default where that is more, and the seconds of one."""
    whole = [f" of {default:,}" for taken, default in steps(result, label) if count == taken < default]
    return f"{count:,}{''.join(whole[:1])}" + ("" if pace is None else f" × {1000 * pace:.0f} ms")


def reduced(result: Results, label: str) -> bool:
    """Whether a row has fewer steps of any stage than its method's default."""
    return any(taken < whole for taken, whole in steps(result, label))


def best(result: Results, main: str, rivals: Sequence[str]) -> list[Best]:
    """The best row of every rival; one without a published row, or with one not run yet, is left out."""
    found = []
    for rival in rivals:
        labels = [label for label, choice in choices(result).items() if choice.name == rival and published(choice)]
        scores = _scores(result, labels)
        if labels and not any(math.isnan(score) for score in scores.values()):
            label = max(labels, key=lambda name: scores[name])
            gap = result.against(main, label)
            found.append(Best(rival, label, reduced(result, label), scores[label], gap))
    return found


def _scores(result: Results, labels: Sequence[str]) -> dict[str, float]:
    """Mean validation accuracy of some rows over the seeds that all of them completed."""
    values = {}
    for label in labels:
        rows = result.rows[(result.rows["label"] == label) & (result.rows["outcome"] == "completed")]
        values[label] = rows.set_index("seed")["validation_accuracy"].astype("float64").dropna()
    shared = set.intersection(*(set(each.index) for each in values.values())) if values else set()
    return {label: float(each.loc[sorted(shared)].mean()) if shared else math.nan for label, each in values.items()}


def notes(result: Results, main: str, rivals: Sequence[str]) -> dict[str, str]:
    """What a table says of its rows: which are reduced, which are no published ones, and which are a rival's best."""
    chosen = {item.label for item in best(result, main, rivals)}
    found = {}
    for label, choice in choices(result).items():
        words = ["**best**"] if label in chosen else []
        words += ["not published"] if choice.name in rivals and not published(choice) else []
        words += [REDUCED] if reduced(result, label) else []
        found[label] = ", ".join(words)
    return found


def gap_cells(result: Results, main: str, rivals: Sequence[str]) -> dict[str, str]:
    """What the method has more than each row, by label; of a rival for its best row alone."""
    chosen = {item.label for item in best(result, main, rivals)}
    return {
        label: difference(result.against(main, label))
        for label, choice in choices(result).items()
        if choice.name not in rivals or label in chosen
    }


def summary(results: Sequence[Results], main: str, rivals: Sequence[str]) -> list[str]:
    """One row for each data set and rival: its best row, and what the method has more."""
    header = ("data set", "rival's best row", "its steps", "validation accuracy", "test accuracy", f"`{main}` minus it")
    rows = []
    for result in results:
        name = str(result.spec.dataset.name if result.spec.dataset else "")
        for item in best(result, main, rivals):
            short = [f"{taken:,} of {whole:,}" for taken, whole in steps(result, item.label) if taken < whole]
            texts = f"{REDUCED}: {'; '.join(short)}" if short else "all"
            accuracy = mean_sd(*(result.value(item.label, f"test_accuracy{end}") for end in ("", "_sd")))
            rows.append([name, item.label, texts, f"{item.accuracy:.3f}", accuracy, difference(item.gap)])
    return table(header, rows)
