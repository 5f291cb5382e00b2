"""`acgkd distill`: one run of a spec's fixed settings, without search, scheduler or Ray."""

import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sweeps.cli.commands._options import (
    Json,
    Overrides,
    Plugin,
    SweepFile,
    TrustCode,
    changes,
    examples,
    local_place,
)
from sweeps.cli.console import err, print_facts, print_line, print_note, print_text

if TYPE_CHECKING:
    from analysis.records.pseudo_samples import Array
    from analysis.records.record import Record
    from sweeps.spec.sweep_spec import SweepSpec

EPILOG = examples(
    "acgkd distill quickstart",
    "acgkd distill specs/mutag.yaml --seed 3 --set method/transfer/temperature/value=2",
    "acgkd distill specs/mutag.yaml --json | jq .test_accuracy",
)


def distill(
    spec: SweepFile,
    overrides: Overrides = None,
    seed: Annotated[int, typer.Option(min=0, max=2**31 - 1, help="Varies what `replicates/vary` names.")] = 0,
    folder: Annotated[
        Path | None,
        typer.Option(
            "--out",
            callback=local_place,
            metavar="DIR",
            help="Takes record, student and curves.",
            show_default="runs/<name of the spec>-distill",
        ),
    ] = None,
    trust_code: TrustCode = False,
    plugin: Plugin = None,
    json: Json = False,
) -> None:
    """Distil once with the fixed settings of a spec.

    Trains the teacher (or takes it from the cache), makes pseudo-samples, teaches the student and measures
    it. The space, sampler, scheduler and budget of the spec play no part; its lower control is run too where agreement
    alone says how good the student is. Writes `record-<seed>.json`, the student (`acgkd.load_student` reads it) and the
    loss curves; with `artefacts: {samples: 4}` also some pseudo-samples of each
    class, as arrays and as a picture. `--json` prints the record.
    """
    from sweeps.spec.loading import load
    from sweeps.store import shared_cache
    from sweeps.store.atomic import write
    from sweeps.store.writable import require_writable

    read = load(spec, changes(overrides, plugin), trust_code)
    target = folder or Path("runs") / f"{read.name}-distill"
    require_writable(target)
    own_code = bool(read.own_models)
    with _terminable(), shared_cache.opened(target.resolve(), own_code=own_code, one_machine=True) as cache:
        record, curves = _run(read, seed, target, cache, trust_code)
    from json import dumps

    row = record.row()
    write(target / f"record-{seed}.json", dumps(row, indent=2) + "\n")
    write(target / f"curves-{seed}.json", dumps(curves) + "\n")
    if json:
        print_text(dumps(row, indent=2))
    else:
        _print(row, target, seed)
    if record.outcome != "completed":
        err.print(f"The run ended as {record.outcome}: {record.message}", markup=False)
        raise typer.Exit(1)


@contextmanager
def _terminable() -> Iterator[None]:
    """SIGTERM is a Ctrl-C."""

    def stop(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _run(
    spec: "SweepSpec", seed: int, folder: Path, cache: Path, trust_code: bool
) -> tuple["Record", dict[str, dict[str, list[float]]]]:
    from acgkd.errors import DivergedError
    from sweeps.cli.own_teacher import control_agreement
    from sweeps.store.trial import now
    from sweeps.worker.experiments import AcgkdExperiments, user_files
    from sweeps.worker.record_builder import build_record
    from sweeps.worker.replicate_runner import draw_samples

    started_at = now()
    config = spec.run_config({})
    made = AcgkdExperiments.of(spec, trust_code)
    made.share_synthesis = False  # one run has nobody to share with
    experiment = made.experiment(config, seed, cache)
    with err.status("teacher"):
        experiment.prepare()
    run = experiment.start()
    with err.status("distilling") as shown:
        try:
            while not run.done:
                run.advance(seconds=1.0)
                shown.update(f"distilling: {run.progress:.0%}")
        except DivergedError as error:
            record = build_record(
                spec,
                config,
                seed,
                None,
                outcome="diverged",
                message=str(error),
                progress=run.progress,
                cost={f"{stage}_s": value for stage, value in run.seconds.items()} | run.measure_cost(),
                started_at=started_at,
                files=user_files(made, spec),
            )
            return record, run.curves
    run.export(folder / f"student-{seed}.pt")
    with err.status("measuring") as shown:
        measured: Any = experiment.measure(run)
        if measured.quality.get("agreement") is not None and measured.quality.get("test_accuracy") is None:
            shown.update("teaching a student with noise, to know what agreement is worth")
            reached = control_agreement(spec, made, experiment, seed, cache)
            measured = replace(measured, quality={**measured.quality, "control_agreement": reached})
        record = build_record(spec, config, seed, measured, started_at=started_at, files=user_files(made, spec))
    if spec.artefacts.samples:
        _picture(draw_samples(experiment, run, spec.artefacts.samples), folder / f"samples-{seed}.npz")
    return record, run.curves


def _picture(kept: "Mapping[str, Array]", path: Path) -> None:
    from analysis.figures.drawing import png_of
    from analysis.figures.sample_grid import kinds_of, paint_samples
    from analysis.records import pseudo_samples
    from sweeps.store.atomic import write, write_arrays

    write_arrays(path, kept)
    read = pseudo_samples.of(kept)
    if read.absent:
        err.print(f"No pseudo-samples are shown. {read.absent}", markup=False)
    else:
        write(path.with_suffix(".png"), png_of(paint_samples(read, kinds_of([read]))))


def _print(row: dict[str, object], folder: Path, seed: int) -> None:
    from acgkd.agreement.health_facts import Health
    from acgkd.agreement.worth import Worth
    from sweeps.display.wording import number

    def text(key: str) -> str:
        return f"{row[key]:.3f}" if key.endswith(("accuracy", "agreement", "overlap")) else number(row[key])

    print_facts((key.replace("_", " "), text(key)) for key in _SHOWN if row.get(key) is not None)
    if row.get("agreement") is not None and row.get("test_accuracy") is None:
        print_note(Worth.of(row).verdict)
    health = Health.of(row)
    if health.known:
        print_note(health.verdict)
    print_line(f"Record and student: {folder}/*-{seed}.*")


_SHOWN = (
    "majority_accuracy",
    "teacher_test_accuracy",
    "test_accuracy",
    "test_agreement",
    "agreement",
    "agreement_overlap",
    "validation_accuracy",
    "validation_divergence",
    "synthesis_s",
    "transfer_s",
    "joint_s",
    "cpu_s",
    "multiply_adds",
    "student_parameters",
)
