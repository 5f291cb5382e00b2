"""MUTAG, two pairs, ten seeds: what ACGKD's parts are worth at default settings.

    python -m benchmarks.graphs.mutag  # all that is not there yet, then docs/results/mutag.md
    python -m benchmarks.graphs.mutag --report  # only the table, from the records that are there
    python -m benchmarks.graphs.mutag --smoke --seeds 1 --home tiny --out tiny  # two steps a row, on made-up graphs

Every finished run is a file under `--home`; stopping at any time loses the run in flight and nothing else. The rows
of one pair and seed share teacher and, where the settings allow, pseudo-graphs.
"""

import argparse
import datetime
import itertools
import os
import platform
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import pandas as pd
import torch

from acgkd.config import RunConfig, flatten
from acgkd.run.experiment import Experiment
from acgkd.runtime import keep_freed_memory
from analysis.records.frame import COLUMNS, Frame, from_records
from analysis.records.record import Cost, Environment, Identity, Quality, Record
from analysis.statistics.summary import groups, references
from benchmarks.graphs._mutag_opening import opening

ROOT = Path(__file__).resolve().parents[2]
RESULT = ROOT / "docs" / "results" / "mutag.md"
RECORDS = ROOT / "docs" / "results" / "records" / "mutag.parquet"

PAIRS = (("gin-5-64", "gin-3-32"), ("gcn-5-64", "gcn-3-32"))
DEGREES = ("known", "unknown")
TRANSFERS: dict[str, dict[str, Any]] = {
    "(default): resampled, teacher's classifier": {},
    "resampled, plain student": {"projection": "none"},
    "fixed, teacher's classifier": {"samples": "fixed"},
    "fixed, plain student": {"samples": "fixed", "projection": "none"},
}


# Instead of defaults, with `--smoke`.
SMOKE: dict[str, Any] = {
    "dataset": {"name": "motifs", "options": {"graphs": 40}},
    "teacher": {"epochs": 1},
    "synthesis": {"graphs": 6, "steps": 2},
    "transfer": {"steps": 2, "batch_size": 4},
}


def variants() -> Iterator[tuple[str, str, dict[str, Any], str]]:
    """Label, method, transfer settings and what the prior says of the degree."""
    yield "real_data", "real_data", {}, "known"
    for degree in DEGREES:
        suffix = "" if degree == "known" else " (degree unknown)"
        yield f"random_graphs{suffix}", "random_graphs", {}, degree
        for label, transfer in TRANSFERS.items():
            yield f"acgkd {label}{suffix}", "acgkd", transfer, degree


def run_one(
    pair: tuple[str, str], seed: int, variant: tuple[str, str, dict[str, Any], str], home: Path, size: dict[str, Any]
) -> None:
    """Runs one row and writes its record, unless it is there."""
    label, method, transfer, degree = variant
    name = re.sub(r"[^a-z0-9-]+", "_", f"{pair[0]}-{pair[1]}-{label}-{seed:03d}")
    path = home / "records" / f"{name}.json"
    if path.exists():
        return
    # Of real data nothing is made, and random graphs are not optimised.
    unused = {"real_data": {"graphs", "steps"}, "random_graphs": {"steps"}}.get(method, set())
    synthesis = {name: value for name, value in size.get("synthesis", {}).items() if name not in unused}
    config = RunConfig.model_validate(
        {
            "dataset": size.get("dataset", "mutag"),
            "teacher": {"preset": pair[0], **size.get("teacher", {})},
            "student": pair[1],
            "method": {"name": method, "synthesis": synthesis, "transfer": size.get("transfer", {}) | transfer},
            "prior": {"mean_degree": degree},
        }
    )
    experiment = Experiment(config, seed, home=home, share_synthesis=True)
    experiment.prepare()
    started = datetime.datetime.now(datetime.UTC).isoformat()
    run = experiment.start()
    run.advance()
    found = experiment.measure(run)
    record = Record(
        identity=Identity(
            sweep="mutag-table",
            kind="trial" if method == "acgkd" else "control",
            label=f"{pair[0]} → {pair[1]}: {label}",
            replicate=seed,
            seed=seed,
            vary=list(config.vary),
            fingerprint=config.fingerprint(),
            method=method,
            dataset=config.dataset.name if config.dataset is not None else "",
            teacher=pair[0],
            student=pair[1],
            prior=found.prior,
        ),
        settings=flatten(experiment.method_config.model_dump(mode="json")),
        outcome="completed",
        progress=1.0,
        quality=Quality.model_validate(found.quality),
        cost=Cost.model_validate(found.cost),
        environment=Environment.model_validate(
            {
                **found.environment,
                "started_at": started,
                "finished_at": datetime.datetime.now(datetime.UTC).isoformat(),
            }
        ),
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(f".{os.getpid()}.part")
    part.write_text(record.model_dump_json())
    os.replace(part, path)
    quality = record.quality
    print(f"{name}: test {quality.test_accuracy:.3f}, teacher {quality.teacher_test_accuracy:.3f}", flush=True)


def frame_of(home: Path, seeds: list[int], out: Path = RECORDS) -> Frame:
    """The finished runs of a folder, which are packed; or what is packed, where the folder has none."""
    paths = sorted((home / "records").glob("*.json"))
    if not paths:
        packed = pd.read_parquet(RECORDS)
        packed[[name for name in COLUMNS if name not in packed]] = None  # of records older than a column
        return Frame(packed[packed["seed"].isin(seeds)].astype(dict(COLUMNS)).reset_index(drop=True))
    records = [Record.model_validate_json(path.read_text()) for path in paths]
    frame = from_records(record for record in records if record.identity.seed in seeds)
    out.parent.mkdir(parents=True, exist_ok=True)
    frame.to_parquet(out)
    return frame


def report(home: Path, seeds: list[int], command: str, out: Path | None = None) -> None:
    """Writes the table and the records behind it, into `out` where it is given."""
    page, packed = (RESULT, RECORDS) if out is None else (out / RESULT.name, out / "records" / RECORDS.name)
    frame = frame_of(home, seeds, packed)
    table = groups(frame, {source: len(seeds) for source in frame.rows["source"].unique()})
    lines = [
        *opening(frame, table, PAIRS, list(TRANSFERS), command).lines("MUTAG: what the parts of ACGKD are worth"),
        f"Seeds {seeds[0]} to {seeds[-1]}; each varies split (60/10/30, stratified), teacher and "
        "draws. Default settings, which were frozen by validation divergence on seeds 100 to 103 before this table was "
        "made. Nothing was selected on test: teachers and students keep their last weights.",
        "",
        f"{platform.system()} {platform.machine()}, one thread a run, Python {platform.python_version()}, "
        f"torch {torch.__version__}. Means over seeds ± standard deviation; 95 % intervals use the corrected resampled "
        "t (Nadeau and Bengio), their upper ends cut at 1. "
        "*Ratio* is student over teacher. *Recovered* is Σ(student − majority) / Σ(teacher − "
        "majority) with a bootstrap interval over seeds. *Collapsed* counts seeds whose student says one class only. "
        "`random_graphs` and `real_data` are taught as the default is. The machine was shared and busy: seconds show "
        "an order of magnitude, and rows of one prior share their pseudo-graphs.",
        "",
        "These records were made before the kernels changed rounding. The newer comparison (graph-methods.md) has the "
        "default row of both pairs once more, with the same seeds and settings: there one seed of ten fails with GIN "
        "(0.820 ± 0.167, ratio 0.969 ± 0.185) and the spread is wider with GCN (0.711 ± 0.141). So the small spread "
        "here, and with it the third target, was luck of rounding.",
        "",
        *_verdict(table),
    ]
    for teacher, student in PAIRS:
        lines += _pair_table(frame, table, teacher, student, len(seeds))
    page.write_text("\n".join(lines) + "\n")
    print(f"{page}: {len(frame.rows)} records")


def _verdict(table: pd.DataFrame) -> list[str]:
    """The target, met or missed, with the figures."""
    teacher, student = PAIRS[0]
    label = f"{teacher} → {student}: acgkd {next(iter(TRANSFERS))}"
    row = table[table["label"] == label].iloc[0]
    laws = (
        ("mean ratio to the teacher", row["ratio"], ">=", 0.95),
        ("recovered share", row["share"], ">=", 0.8),
        ("standard deviation of the ratio over seeds", row["ratio_sd"], "<=", 0.06),
        ("collapsed seeds", row["collapsed"], "<=", 0),
    )
    lines = [f"Targets for `{teacher}` → `{student}`, default settings, degree known:", ""]
    for name, value, sign, bound in laws:
        met = value >= bound if sign == ">=" else value <= bound
        lines.append(
            f"* {name} {'at least' if sign == '>=' else 'at most'} {bound:g}: {'met' if met else 'missed'}, {value:.3g}"
        )
    return [*lines, ""]


def _seconds(value: float) -> str:
    return "–" if pd.isna(value) else f"{value:.1f}"


def _pair_table(frame: Any, table: pd.DataFrame, teacher: str, student: str, planned: int) -> list[str]:
    rows = table[(table["teacher"] == teacher) & (table["student"] == student)]
    lines = [
        f"## `{teacher}` → `{student}`",
        "",
        "| what | seeds | test accuracy | 95 % interval | ratio | recovered | collapsed | synthesis s | transfer s |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    own = type(frame)(frame.rows[(frame.rows["teacher"] == teacher)].reset_index(drop=True))
    for line in references(own):
        if line.label in ("majority class", "teacher"):
            spot = line.accuracy
            lines.append(
                f"| {line.label} | {spot.n} of {planned} | {spot.mean:.3f} ± {spot.sd:.3f} | "
                f"{spot.low:.3f} to {spot.high:.3f} | | | | | |"
            )
    order = {f"{teacher} → {student}: {label}": place for place, (label, *_) in enumerate(variants())}
    for row in sorted(rows.to_dict("records"), key=lambda row: order.get(row["label"], 99)):
        share = f"{row['share']:.2f} ({row['share_low']:.2f} to {row['share_high']:.2f})"
        if pd.isna(row["share"]):
            share = f"blank: {row['share_reason']}"
        lines.append(
            f"| {row['label'].split(': ', 1)[1]} | {row['completed']} of {planned} | "
            f"{row['test_accuracy']:.3f} ± {row['test_accuracy_sd']:.3f} | "
            f"{row['test_accuracy_low']:.3f} to {min(row['test_accuracy_high'], 1):.3f} | "
            f"{row['ratio']:.3f} ± {row['ratio_sd']:.3f} | {share} | {row['collapsed']} | "
            f"{_seconds(row['synthesis_s'])} | {_seconds(row['transfer_s'])} |"
        )
    return [*lines, ""]


def main() -> None:
    """Runs what is missing, then writes the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=Path, help="of the records; runs/mutag-table if left out")
    parser.add_argument("--first", type=int, default=0, help="first seed")
    parser.add_argument("--seeds", type=int, default=10, help="how many seeds")
    parser.add_argument("--part", default="0/1", help="i/n: every n-th seed from the i-th, for several processes")
    parser.add_argument("--report", action="store_true", help="only the table")
    parser.add_argument("--smoke", action="store_true", help="all rows, but tiny; needs --home and --out")
    parser.add_argument("--out", type=Path, help="folder of table and records, instead of docs/results")
    arguments = parser.parse_args()
    if arguments.smoke and (arguments.home is None or arguments.out is None):
        parser.error("--smoke needs --home and --out: tiny rows must not lie among the real ones.")
    home = arguments.home or ROOT / "runs" / "mutag-table"
    torch.set_num_threads(1)
    keep_freed_memory()
    seeds = list(range(arguments.first, arguments.first + arguments.seeds))
    if not arguments.report:
        part, parts = (int(number) for number in arguments.part.split("/"))
        for seed, pair, variant in itertools.product(seeds[part::parts], PAIRS, variants()):
            run_one(pair, seed, variant, home, SMOKE if arguments.smoke else {})
    if arguments.part == "0/1":
        report(home, seeds, "python -m benchmarks.graphs.mutag", arguments.out)


if __name__ == "__main__":
    main()
