"""From which settings those of the tables on images are chosen, on validation splits and seeds that no table reports.

    python -m benchmarks.images.image_pilot --workers 2  # what is missing, then docs/results/image-methods-pilot.md
    python -m benchmarks.images.image_pilot --only pilot-digits
    python -m benchmarks.images.image_pilot --report  # only the page, from the records that are there

The rows are those of specs/benchmarks/pilot-*.yaml. Of each method's rows the one with the highest mean validation
accuracy stands in the tables; a test holds their specs to that.
"""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from acgkd.config import MethodChoice
from benchmarks._lib import comparison, tables
from benchmarks._lib.comparison import SPECS, Place
from benchmarks._lib.opening import Opening, listed
from benchmarks._lib.tables import Results
from sweeps.spec.sweep_spec import SweepSpec

NAME = "image-methods-pilot"
SWEEPS = ("pilot-mnist", "pilot-digits")
# Seeds below are kept for tables of results.
FIRST_SEED = 100
MAIN = "rdskd"

HEAD = (
    "Methods have settings that their sources do not say for networks and schedules as small as these, so a few were "
    "tried for each, as many for a rival as for RDSKD, with the pair, the teacher's recipe and the teaching of the "
    "tables. Judged on validation splits, with seeds, and so teachers and splits, that no table reports; the test "
    "splits play no part. The row with the highest mean accuracy stands in the tables (bold). MSKD, which is DAFL with "
    "one more term, takes what is chosen for DAFL; methods that are not here stand as their recipes have them. Two or "
    "three seeds are few: rows a few points apart could change places. Seconds are rough, with other work beside."
)


def specs(names: tuple[str, ...] = SWEEPS, folder: Path = SPECS) -> list[SweepSpec]:
    """The sweeps.

    Raises:
        SystemExit: a seed is one that results are reported on.
    """
    found = [comparison.read_spec(folder / f"{name}.yaml") for name in names]
    for spec in found:
        if min(spec.replicates.seeds) < FIRST_SEED:
            raise SystemExit(f"Seeds below {FIRST_SEED} are kept for results, but {spec.name} has some.")
    return found


def methods(spec: SweepSpec) -> dict[str, MethodChoice]:
    """Every row's method and settings, by label."""
    rows = {control.label: spec.control_config(control.label).method for control in spec.controls}
    return {spec.method.name: spec.method, **rows}


def chosen(result: Results) -> Mapping[str, str]:
    """The label of the row that is chosen, by method; none of a method with a row that is not whole."""
    found: dict[str, str] = {}
    by_method: dict[str, list[str]] = {}
    for label, choice in methods(result.spec).items():
        by_method.setdefault(choice.name, []).append(label)
    for method, labels in by_method.items():
        scores = {label: _score(result, label) for label in labels}
        if not any(math.isnan(score) for score in scores.values()):
            found[method] = max(labels, key=lambda label: scores[label])
    return found


def _score(result: Results, label: str) -> float:
    """Mean validation accuracy; a run that failed counts nothing, and NaN is for one that is not there yet."""
    rows = result.rows[result.rows["label"] == label]
    if rows["seed"].nunique() < result.planned:
        return math.nan
    completed = rows["outcome"] == "completed"
    return float(rows["validation_accuracy"].where(completed, 0.0).mean())


def report(place: Place, folder: Path = SPECS) -> None:
    """Writes the page."""
    sweeps = specs(SWEEPS, folder)
    found = comparison.records(sweeps, place)
    frame = comparison.frame_of(found)
    results = [Results.of(spec, frame) for spec in sweeps]
    lines = opening(results).lines("How the settings of the tables on images were chosen")
    lines += [f"{tables.machine()}.", "", HEAD, ""]
    for spec, result in zip(sweeps, results, strict=True):
        best = set(chosen(result).values())
        data = "" if spec.dataset is None else spec.dataset.name
        seeds = ", ".join(map(str, spec.replicates.seeds))
        lines += [f"## {data}, `{spec.teacher.preset}` → `{spec.student.preset}`, seeds {seeds}", ""]
        lines += tables.table(
            ("what", "seeds", "validation accuracy", "each", "seconds"),
            [_row(result, label, bold=label in best) for label in result.labels],
        )
    place.page.parent.mkdir(parents=True, exist_ok=True)
    place.page.write_text("\n".join(lines).rstrip() + "\n")
    print(f"{place.page.name}: {len(found)} records")


def opening(results: Sequence[Results]) -> Opening:
    """The head of the page."""
    gaps, tried = [], set()
    for result in results:
        rows: dict[str, list[float]] = {method: [] for method in chosen(result)}
        for label, choice in methods(result.spec).items():
            if choice.name in rows:
                rows[choice.name].append(_score(result, label))
        if rows:
            tried |= {len(scores) for scores in rows.values()}
            most = max(rows, key=lambda method: max(rows[method]) - min(rows[method]))
            shown = dict.fromkeys([most, MAIN] if MAIN in rows else [most])
            texts = [f"`{method}` {max(rows[method]):.3f} against {min(rows[method]):.3f}" for method in shown]
            gaps.append(f"on {result.spec.dataset.name if result.spec.dataset else ''} {listed(texts)}")
    seeds = sorted({result.planned for result in results})
    return Opening(
        "Which settings do RDSKD and its rivals have in the tables on images?",
        f"Of {listed([str(count) for count in sorted(tried)], 'or')} rows for each method that of the highest mean "
        "validation accuracy (bold).",
        "The best row against the worst, of the method for which that is most and of RDSKD: "
        f"{'; '.join(gaps) or 'none yet'}.",
        f"A row has {listed([str(count) for count in seeds], 'or')} seeds, which is few: rows a few points apart could "
        "change places.",
        "python -m benchmarks.images.image_pilot",
    )


def _row(result: Results, label: str, *, bold: bool) -> list[str]:
    name = f"**{label}**" if bold else label
    if label not in result.table.index:
        return [name, f"0 of {result.planned}", "–", "–", "–"]
    row = result.table.loc[label].to_dict()
    rows = result.rows[result.rows["label"] == label].sort_values("seed")
    each = ", ".join(tables.number(value, 3) for value in rows["validation_accuracy"].astype("float64"))
    seconds = rows[["synthesis_s", "transfer_s", "joint_s"]].astype("float64").sum(axis=1).mean()
    return [
        name,
        f"{row['completed']} of {result.planned}",
        tables.mean_sd(row["validation_accuracy"], row["validation_accuracy_sd"]),
        each,
        tables.number(seconds, 0),
    ]


def main() -> None:
    """Runs what is missing, then writes the page."""
    options = comparison.arguments(__doc__).parse_args()
    names, place = comparison.chosen(SWEEPS, options.only), Place.of(NAME, options.out)
    if not options.report:
        sweeps = specs(tuple(names), options.specs)
        comparison.run(sweeps, place, workers=options.workers, hours=options.hours)
    report(place, options.specs)
    print(place.page)


if __name__ == "__main__":
    main()
