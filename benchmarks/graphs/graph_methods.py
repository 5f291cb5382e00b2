"""Graph methods side by side on six data sets, each method as the paper or the released code has it.

    python -m benchmarks.graphs.graph_methods --workers 2  # what is not there yet, then docs/results/graph-methods.md
    python -m benchmarks.graphs.graph_methods --only mutag,ptc_mr --hours 2
    python -m benchmarks.graphs.graph_methods --report     # only the page, from the records that are there
    python -m benchmarks.graphs.graph_methods --calibrate  # steps for equal seconds, into the specs; then run anew

One spec for each data set, in specs/benchmarks. A run that is stopped resumes: from its sweep folders, and in a
fresh clone from the packed records of finished runs, which are committed.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks._lib import comparison, tables
from benchmarks._lib.comparison import SPECS, Place
from benchmarks._lib.tables import Results
from benchmarks.graphs import _calibration, _graph_opening, _rivals
from benchmarks.graphs._graph_rows import ROWS
from benchmarks.graphs._targets import targets
from sweeps.spec.sweep_spec import SweepSpec
from sweeps.worker.experiments import AcgkdExperiments

NAME = "graph-methods"
MAIN = "acgkd"
RIVALS = ("gfkd", "dfad_gnn", "deepinv_graphs")
CALIBRATION = comparison.RECORDS / f"{NAME}-calibration.json"


@dataclass(frozen=True)
class Pair:
    """Teacher and student, and how far the comparison goes with them.

    Args:
        teacher: preset.
        student: preset.
        seeds: how many of the spec's.
        without: labels of controls that are left out.
    """

    teacher: str
    student: str
    seeds: int
    without: tuple[str, ...] = ()


GIN, GCN = ("gin-5-64", "gin-3-32"), ("gcn-5-64", "gcn-3-32")
ONCE = ("gfkd (as released)", "dfad_gnn (balance and statistics)")  # rows beside the comparison: same-kind pairs alone
SAME = (Pair(*GIN, 10), Pair(*GCN, 10))
MIXED = (Pair(GIN[0], GCN[1], 5, ONCE), Pair(GCN[0], GIN[1], 5, ONCE))
DATASETS: dict[str, tuple[Pair, ...]] = {
    "mutag": (*SAME, *MIXED),
    "ptc_mr": (*SAME, *MIXED),
    "proteins": (Pair(*GIN, 5), Pair(*GCN, 5)),
    "imdb_binary": (Pair(*GIN, 5), Pair(*GCN, 5)),
    "collab": (Pair(*GIN, 3),),
    "reddit_binary": (Pair(*GIN, 3),),
}

# What others say, where it could be read: data set, what, figure, source, and what is different there.
PUBLISHED = (
    ("MUTAG", "DFAD-GNN, GIN student", "0.908", "arXiv:2205.03811, as quoted by GammaGL's readme",
     "10-fold cross-validation; sizes of teacher and student, and which epoch, could not be read"),
    ("MUTAG", "DFAD-GNN, GCN student", "0.762", "the same", "the same"),
    ("MUTAG", "DFAD-GNN in GammaGL's own port", "0.882", "GammaGL dfad6e3d, readme",
     "best epoch on real validation data; its generator gets no gradient"),
    ("MUTAG", "GFKD", "0.708", "arXiv:2105.07519, from a secondary summary",
     "70/30 split; pair, and whether last or best epoch on test, not stated"),
    ("MUTAG", "DeepInvG", "0.586", "the same", "the same"),
    ("COLLAB", "GFKD", "0.673", "the same", "the same; our COLLAB is reduced"),
    ("COLLAB", "baselines of GFKD's paper", "0.348", "the same", "the same"),
    ("any", "ACGKD", "", "arXiv:2504.00540", "its tables could not be read, so none of its figures is quoted"),
)  # fmt: skip


def specs(names: Sequence[str], folder: Path = SPECS) -> list[SweepSpec]:
    """The sweeps of some data sets, one for each pair."""
    found = []
    for name in names:
        path = folder / f"{name}.yaml"
        seeds = comparison.read_spec(path).replicates.seeds
        for pair in DATASETS[name]:
            changes = [
                f"name={NAME}-{name}-{pair.teacher}-{pair.student}",
                f"teacher/preset={pair.teacher}",
                f"student/preset={pair.student}",
                f"replicates/seeds={list(seeds[: pair.seeds])}",
            ]
            found.append(comparison.read_spec(path, changes, pair.without))
    return found


def calibrate(names: Sequence[str], folder: Path = SPECS, record: Path = CALIBRATION, rounds: int = 5) -> None:
    """Measures, records, and writes the steps that follow into the specs."""
    for name in names:
        path = folder / f"{name}.yaml"
        spec = comparison.read_spec(path)
        labels = list(_calibration.written(path))
        paces = _calibration.measure(spec, labels, rounds)
        own = AcgkdExperiments().settings(spec.run_config({}))
        given = int(own["method/synthesis/steps"]), int(own["method/transfer/steps"])
        steps = _calibration.steps_of(paces, spec.method.name, *given)
        _calibration.rewrite(path, steps)
        _calibration.note(record, name, paces, {**steps, spec.method.name: given[0]}, rounds)
        for label, pace in paces.items():
            print(f"{name}: {label}: {pace.step_s:.4f} s a step of {pace.stage}, {steps.get(label, given[0])} steps")


def uncalibrated(names: Sequence[str], folder: Path = SPECS, record: Path = CALIBRATION) -> list[str]:
    """The data sets whose specs say other steps than were recorded, or have no record."""
    known = _calibration.read(record)
    found = []
    for name in names:
        path = folder / f"{name}.yaml"
        methods = known.get(name, {}).get("methods", {})
        said = _calibration.written(path) | {MAIN: _steps_in(comparison.read_spec(path), MAIN)}
        if any(methods.get(label, {}).get("steps") != steps for label, steps in said.items()):
            found.append(name)
    return found


def report(names: Sequence[str], place: Place, folder: Path = SPECS, record: Path = CALIBRATION) -> None:
    """Writes the page."""
    sweeps = specs(names, folder)
    frame = comparison.frame_of(comparison.records(sweeps, place))
    results = [Results.of(spec, frame) for spec in sweeps]
    lines = [
        *_graph_opening.opening(results, GIN, MAIN, RIVALS).lines("Graph methods side by side"),
        f"{tables.machine()}.",
        "",
        "Each seed varies split (60/10/30, stratified), teacher and draws; all methods of a pair see the same. "
        "Teachers and students keep their last weights, and nothing was selected on test. Every method is given the "
        "same facts of the data (the data set's published node range, mean degree, features and classes) and, where "
        "their number is fixed, as many pseudo-graphs. `gfkd (as released)` alone keeps its own density, number of "
        "graphs and steps. Other differences between rows are listed under *Rows*.",
        "",
        "Means over seeds ± standard deviation. *Ratio*: student over teacher. *Recovered*: Σ(student − majority) / "
        "Σ(teacher − majority), bootstrap interval over seeds, a dash where the gap is not clearly above 0. "
        f"*`{MAIN}` minus it*: difference in test accuracy to each control, and to the best row of each rival (not to "
        "its other rows), paired by seed, with its 95 % interval, corrected for re-splits (Nadeau and "
        "Bengio). *Collapsed*: seeds whose student says one class only. On COLLAB and REDDIT-BINARY all is smaller: 60 "
        "pseudo-graphs, 100 steps, teachers of 15 epochs. Notes in the tables are explained under *Rivals*.",
        "",
        "## Rivals",
        "",
        _rivals.RULE,
        "",
        f"`{GIN[0]}` → `{GIN[1]}`:",
        "",
        *_rivals.summary([item for item in results if _graph_opening.of_pair(item, GIN)], MAIN, RIVALS),
        "## Targets",
        "",
        *targets(results, GIN, MAIN, RIVALS),
        "",
        "## Rows",
        "",
        *ROWS,
        "",
        "## Steps",
        "",
        *_steps(results, _calibration.read(record)),
    ]
    for name in names:
        lines += [f"## {name}", ""]
        for result in results:
            if result.spec.dataset is not None and result.spec.dataset.name == name:
                lines += [f"### `{result.spec.teacher.preset}` → `{result.spec.student.preset}`", ""]
                cells = _rivals.gap_cells(result, MAIN, RIVALS)
                notes = _rivals.notes(result, MAIN, RIVALS)
                lines += tables.accuracy_table(result, notes, f"`{MAIN}` minus it", cells)
    lines += ["## Published figures", "", "Quoted for orientation: no protocol is ours.", ""]
    lines += tables.table(("data set", "what", "accuracy", "source", "what is different"), PUBLISHED)
    place.page.parent.mkdir(parents=True, exist_ok=True)
    place.page.write_text("\n".join(lines).rstrip() + "\n")
    print(f"{place.page.name}: {len(frame.rows)} records")


def _steps(results: Sequence[Results], calibrated: dict[str, dict[str, dict[str, dict[str, float]]]]) -> list[str]:
    """Steps of each method on each data set, with the recorded seconds of one where they were measured."""
    firsts = {str(item.spec.dataset.name): item for item in reversed(results) if item.spec.dataset is not None}
    names = [name for name in DATASETS if name in firsts]
    labels = list(dict.fromkeys(label for item in results for label in item.labels))
    rows = []
    for label in labels:
        cells = [label]
        for name in names:
            steps = _steps_in(firsts[name].spec, label)
            if steps is not None and _took_no_step(firsts[name], label):
                steps = 0
            pace = calibrated.get(name, {}).get("methods", {}).get(label, {}).get("step_s")
            cells.append("" if steps is None else _rivals.amount(steps, firsts[name], label, pace))
        rows.append(cells)
    text = (
        "Steps of synthesis, or of the joint stage of a method that has one (then they take as long as ACGKD's "
        "synthesis and transfer together), and milliseconds of one, the median of interleaved rounds on one thread. "
        "*160 of 1,500*: the method's default is 1,500."
    )
    return [text, "", *tables.table(("method", *names), rows)]


def _steps_in(spec: SweepSpec, label: str) -> int | None:
    if label != spec.method.name and label not in {control.label for control in spec.controls}:
        return None
    config = spec.run_config({}) if label == spec.method.name else spec.control_config(label)
    settings = AcgkdExperiments().settings(config)
    steps = settings.get("method/synthesis/steps")
    if steps is None and config.method.name not in ("random_graphs", "real_data"):
        steps = settings.get("method/transfer/steps")
    return None if steps is None else int(steps)


def _took_no_step(result: Results, label: str) -> bool:
    """Whether a method that was run had nothing to learn: it took no step, whatever its settings say."""
    spent = [result.value(label, f"{stage}_s") for stage in ("synthesis", "joint")]
    return result.value(label, "completed") > 0 and all(map(math.isnan, spent))


def main() -> None:
    """Runs what is missing, then writes the page."""
    parser = comparison.arguments(__doc__)
    parser.add_argument("--calibrate", action="store_true", help="measure, and write the steps into the specs")
    options = parser.parse_args()
    names, place = comparison.chosen(list(DATASETS), options.only), Place.of(NAME, options.out)
    calibration = CALIBRATION if options.specs == SPECS else options.specs / CALIBRATION.name
    if options.calibrate:
        calibrate(names, options.specs, calibration)
        return
    if not options.report:
        wrong = uncalibrated(names, options.specs, calibration)
        if wrong:
            raise SystemExit(
                "Methods are compared at equal seconds, but no recorded calibration has the steps that the specs of "
                f"{', '.join(wrong)} say. Run with `--calibrate` first, once, on a quiet machine."
            )
        comparison.run(specs(names, options.specs), place, workers=options.workers, hours=options.hours)
    report(list(DATASETS), place, options.specs, calibration)
    print(place.page)


if __name__ == "__main__":
    main()
