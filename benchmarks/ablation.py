"""What each part of ACGKD is worth: one option changed at a time, judged on validation splits alone.

    python benchmarks/ablation.py --workers 2      # what is not there yet, then docs/results/ablation.md
    python benchmarks/ablation.py --only mutag --hours 1
    python benchmarks/ablation.py --report         # only the page, from the records that are there

The rows are those of specs/benchmarks/ablation-*.yaml: the trial is ACGKD at its defaults, each control one change.
"""

from collections.abc import Sequence
from pathlib import Path

import _comparison
import _tables
from _comparison import ROOT, SPECS, Place
from _tables import Results

from sweeps.spec import SweepSpec

NAME = "ablation"
# Seeds below are kept for tables of results, which come after all choices.
FIRST_SEED = 100


def datasets(folder: Path = SPECS) -> list[str]:
    """The data sets that have a spec."""
    return [path.stem.removeprefix(f"{NAME}-") for path in sorted(folder.glob(f"{NAME}-*.yaml"))]


def specs(names: Sequence[str], folder: Path = SPECS) -> list[SweepSpec]:
    """The sweeps of some data sets.

    Raises:
        SystemExit: a seed is one that results are reported on.
    """
    found = [_comparison.read_spec(folder / f"{NAME}-{name}.yaml") for name in names]
    for spec in found:
        if min(spec.replicates.seeds) < FIRST_SEED:
            raise SystemExit(
                f"Seeds below {FIRST_SEED} are kept for results, but {spec.name} has {min(spec.replicates.seeds)}."
            )
    return found


def report(names: Sequence[str], place: Place, folder: Path = SPECS) -> None:
    """Writes the page."""
    sweeps = specs(names, folder)
    frame = _comparison.frame_of(_comparison.records(sweeps, place))
    results = [Results.of(spec, frame) for spec in sweeps]
    lines = [
        "# What the parts of ACGKD are worth",
        "",
        f"Command: `python benchmarks/ablation.py`. {_tables.machine()}.",
        "",
        "Each row is ACGKD at its defaults but for what its label says. Judged on validation splits (a tenth of the "
        "data, which neither teacher nor student was trained on); the test splits play no part here. Each seed varies "
        "split, teacher and draws. *Divergence*: mean KL(teacher ‖ student), so less is better. Means over seeds ± "
        "standard deviation; differences are paired by seed, with 95 % intervals. Seconds are those of the run that "
        "made the samples: rows with the same synthesis share them.",
        "",
        "## Difference in divergence to the defaults",
        "",
        *_overview(results),
    ]
    for result in results:
        pair = f"`{result.spec.teacher.preset}` → `{result.spec.student.preset}`"
        lines += [f"## {result.spec.dataset.name if result.spec.dataset else ''}, {pair}", ""]
        lines += _tables.validation_table(result, result.spec.method.name)
    place.page.parent.mkdir(parents=True, exist_ok=True)
    place.page.write_text("\n".join(lines).rstrip() + "\n")
    print(f"{place.page.name}: {len(frame.rows)} records")


def _overview(results: Sequence[Results]) -> list[str]:
    """One row for each change, one column for each data set."""
    labels = list(dict.fromkeys(label for item in results for label in item.labels[1:]))
    rows = []
    for label in labels:
        cells = [
            _tables.difference(item.against(label, item.spec.method.name, "validation_divergence")) for item in results
        ]
        rows.append([label, *cells])
    names = [item.spec.name.removeprefix(f"{NAME}-") for item in results]
    return _tables.table(("change", *names), rows)


def main() -> None:
    """Runs what is missing, then writes the page."""
    options = _comparison.arguments(__doc__).parse_args()
    names, place = _comparison.chosen(datasets(), options.only), Place.of(NAME)
    if not options.report:
        _comparison.run(specs(names), place, workers=options.workers, hours=options.hours)
    report(datasets(), place)
    print(place.page.relative_to(ROOT))


if __name__ == "__main__":
    main()
