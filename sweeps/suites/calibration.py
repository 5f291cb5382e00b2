"""Equal seconds: as many steps of each row as take the seconds of the reference, measured once and then kept.

Seconds are those of making samples: of synthesis, or, of a method that teaches its student in the same stage, of the
reference's synthesis and transfer together. Transfer is each row's own.
"""

import platform
import socket
from collections.abc import Mapping, Sequence

from acgkd.config import MethodChoice, fingerprint
from acgkd.errors import AcgkdError, SweepError
from analysis.records.suites.suite_file import CalibratedRow
from sweeps.spec.sweep_spec import SweepSpec
from sweeps.store.trial import now
from sweeps.suites import pace
from sweeps.suites.members import Member
from sweeps.suites.pace import Pace
from sweeps.suites.rows import Row, counted, without_steps
from sweeps.worker.cores import threads_of
from sweeps.worker.experiments import AcgkdExperiments

Calibrations = Mapping[tuple[str, str], CalibratedRow]


def by_row(rows: Sequence[CalibratedRow]) -> Calibrations:
    """Calibrations by the sweep's name and the row's label."""
    return {(item.member, item.row): item for item in rows}


def timed_rows(member: Member) -> list[Row]:
    """The rows that are to take the reference's seconds; the reference does by itself."""
    return [row for row in member.rows[1:] if row.budget == "equal_seconds"]


def known_rows(member: Member, given: Mapping[str, Mapping[str, int]], kept: Calibrations) -> list[CalibratedRow]:
    """What is known of a sweep's rows: steps that the suite's spec gives, and those that were measured before.

    Args:
        member: the sweep.
        given: steps by label of the data set and of the row.
        kept: what was measured, by the sweep's name and the row's label.
    """
    found = []
    said = given.get(member.dataset.label, {})
    for row in timed_rows(member):
        measured = kept.get((member.name, row.label))
        if row.entry.label in said:
            steps = said[row.entry.label]
            found.append(
                CalibratedRow(
                    member=member.name,
                    row=row.label,
                    reference=member.reference.label,
                    steps=steps,
                    own_steps=own_steps(_choice(member, row)),
                    source="given",
                )
            )
        elif measured is not None and measured.source == "measured" and measured.key == key_of(member, row):
            found.append(measured)
    return found


def measured_rows(
    member: Member, spec: SweepSpec, rows: Sequence[Row], trust_code: bool = False
) -> list[CalibratedRow]:
    """Times rows beside the reference, on this machine.

    Args:
        member: the sweep.
        spec: its spec, with each row's own steps.
        rows: which of its rows.
        trust_code: whether the spec may name Python functions of the user's.

    Raises:
        SweepError: the reference makes no samples before it teaches.
        AcgkdError: the data set is missing, or a run cannot begin.
    """
    experiments = AcgkdExperiments.of(spec, trust_code)
    experiments.agreement, experiments.share_synthesis = False, False
    reference = member.reference.label
    configs = {reference: spec.run_config({}), **{row.label: spec.control_config(row.label) for row in rows}}
    threads = threads_of(spec.resources.cpu)
    with experiments.as_worker(threads):
        paces = pace.measure(configs, reference, experiments)
    own = paces[reference]
    if own.stage != "synthesis":
        raise SweepError(
            f"Seconds of making samples are made equal, but `{reference}` has no stage of its own for it on "
            f"{member.dataset.label}. Name another row under `suite/reference`, or use `budgets: own`."
        )
    where = f"{platform.system()} {platform.machine()}, {socket.gethostname()}, {_device(spec, threads)}"
    return [_calibrated(member, row, paces[row.label], own, where) for row in rows]


def _calibrated(member: Member, row: Row, found: Pace, own: Pace, where: str) -> CalibratedRow:
    target = own.stage_s + (own.transfer_s if found.stage == "joint" else 0.0)
    before = own_steps(_choice(member, row))
    if found.stage and before is None:
        raise SweepError(without_steps(row))
    steps = two_digits((before or 0) * target / found.stage_s) if found.stage else None
    return CalibratedRow(
        member=member.name,
        row=row.label,
        reference=member.reference.label,
        steps=steps,
        own_steps=before,
        stage=found.stage,
        step_s=found.step_s if found.stage else None,
        lowest_s=found.lowest_s if found.stage else None,
        highest_s=found.highest_s if found.stage else None,
        target_s=target if found.stage else None,
        rounds=pace.ROUNDS,
        machine=where,
        at=now(),
        key=key_of(member, row),
    )


def two_digits(steps: float) -> int:
    """A number of steps to two digits: the time of a step is known no better."""
    return max(1, round(float(f"{steps:.2g}")))


def key_of(member: Member, row: Row) -> str:
    """Names all that decides how long a row and its reference take."""
    value = {key: value for key, value in member.value.items() if key not in ("name", "method", "controls")}
    for section in ("replicates", "budget", "artefacts", "failures", "trackers", "on_end", "objectives"):
        value.pop(section, None)
    return fingerprint([value, member.reference.choice.model_dump(), _choice(member, row).model_dump()])


def calibrated(member: Member, known: Calibrations) -> Member:
    """A sweep with the steps that take equal seconds; rows without any keep their own."""
    rows = []
    for row in member.rows:
        found = known.get((member.name, row.label))
        if row.budget == "equal_seconds" and row is not member.reference and found is not None and found.steps:
            row = row.with_settings(**_at(found.steps, row, member))
        rows.append(row)
    return member.with_rows(rows)


def _choice(member: Member, row: Row) -> MethodChoice:
    return row.seen_from(member.reference.choice)


def own_steps(choice: MethodChoice) -> int | None:
    """Steps of a method's synthesis, or of its student in a joint stage; None where it has none, or is not valid."""
    try:
        stage, config = counted(choice)
    except AcgkdError:
        return None
    found = getattr(getattr(config, stage), "steps", None)
    return int(found) if found is not None else None


def _at(steps: int, row: Row, member: Member) -> dict[str, Mapping[str, object] | None]:
    """A row's settings with so many steps, and what goes by steps beside them scaled: another stage's, or a decay."""
    choice = _choice(member, row)
    stage, config = counted(choice)
    share = steps / int(getattr(config, stage).steps)
    # What a row takes over from the reference it still does, but for the stage that is changed.
    settings = {"synthesis": row.synthesis, "transfer": row.transfer}
    changed = {**getattr(choice, stage), "steps": steps}
    beside = getattr(config.synthesis, "steps", None)
    if stage == "transfer" and beside is not None:
        settings["synthesis"] = {**choice.synthesis, "steps": max(1, round(beside * share))}
    decay = getattr(config.synthesis, "decay_every", None)
    if stage == "synthesis" and decay is not None:
        changed["decay_every"] = max(1, round(decay * share))
    return {**settings, stage: changed}


def _device(spec: SweepSpec, threads: int) -> str:
    import torch

    if spec.device == "cpu" or not torch.cuda.is_available():
        return f"{threads} threads of its CPU" if threads > 1 else "1 thread of its CPU, in CPU seconds"
    return str(torch.cuda.get_device_name())
