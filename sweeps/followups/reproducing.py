"""A reproduction: one trial run again elsewhere with its own seeds, and compared figure by figure."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from acgkd.errors import FolderError
from analysis.records.parts.environment import Environment
from analysis.records.parts.quality import Quality
from analysis.records.record import Record
from sweeps.engine.snapshot import Summary, Watch
from sweeps.executors.base import Executor, run_sweep
from sweeps.followups.single_trial import Original
from sweeps.store.folder import SweepFolder
from sweeps.worker.experiments import AcgkdExperiments, Experiments

_WORK = ("multiply_adds", "student_multiply_adds", "teacher_multiply_adds")
# What explains a difference; hosts and times do not.
_CIRCUMSTANCES = ("device", "device_name", "threads", "python", "torch", "torch_geometric", "acgkd")
# How a replicate ends by itself.
_COMPARABLE = ("completed", "diverged")

Value = float | str | None


@dataclass(frozen=True)
class Figure:
    """One figure of one replicate.

    Args:
        name: of the objective or of the record's field.
        seed: of the replicate.
        before: in the sweep.
        now: in the reproduction; None where it has none.
    """

    name: str
    seed: int
    before: Value
    now: Value

    @property
    def difference(self) -> float:
        """How far the two are apart; 0 where they are equal to the last bit, infinite where they are no numbers."""
        one, other = self.before, self.now
        if one == other or (one != one and other != other):
            return 0.0
        if isinstance(one, str) or isinstance(other, str) or one is None or other is None:
            return math.inf
        apart = abs(one - other)
        return apart if math.isfinite(apart) else math.inf


@dataclass(frozen=True)
class Reproduced:
    """What a reproduction came to.

    Args:
        summary: of its start.
        figures: of all replicates; empty where it was interrupted.
        circumstances: versions and devices that differ: name, in the sweep, here.
    """

    summary: Summary
    figures: tuple[Figure, ...] = ()
    circumstances: tuple[tuple[str, str, str], ...] = ()


def reproduce(
    folder: Path,
    number: int,
    out: Path,
    executor: Executor,
    *,
    replicate: int | None = None,
    command: str = "",
    watch: Watch | None = None,
    trust_code: bool = False,
    experiments: Experiments | None = None,
    say: Callable[[str], None] = lambda line: None,
) -> Reproduced:
    """Runs one trial again with its own seeds, in a folder of its own with teachers of its own, and compares.

    Args:
        folder: of the sweep; only read.
        number: of the trial.
        out: of the reproduction; run again, it resumes.
        executor: where its jobs run.
        replicate: the index of one seed; all replicates that ended by themselves if left out.
        command: that started it, for the record.
        watch: called with snapshots.
        trust_code: whether the spec may name Python functions of the user's.
        experiments: where experiments come from; the real ones if left out.
        say: called with a line for each thing that the user should know before the start.

    Raises:
        ConfigError: the spec names code, which is not trusted.
        FolderError: there is no such sweep, trial or replicate, or `out` is in the sweep's folder or something else.
        SweepError: another driver works on `out`, or it cannot be written.
    """
    original = Original.open(folder)
    original.require_trust(trust_code)
    here, there = folder.resolve(), out.resolve()
    if here == there or here in there.parents:
        raise FolderError(
            f"A reproduction needs a folder of its own, outside of {folder}, but got {out}. Choose another one with "
            "`--out`."
        )
    before = _records(original, number, replicate)
    spec = original.alone(original.trial(number), list(before))
    # Named, so that the folder has a cache of its own: from the shared one it would get the sweep's teachers.
    source = experiments or AcgkdExperiments.of(spec, trust_code)
    summary = run_sweep(spec, out, executor, command=command, watch=watch, experiments=source, say=say)
    if summary.interrupted:
        return Reproduced(summary)
    pairs = []
    for index, record in enumerate(before.values()):
        now = SweepFolder(out).read_record(SweepFolder.trial_name(0), index)
        if now is None:
            raise FolderError(f"Replicate {index} in {out} has no record; `acgkd status {out}` says what became of it.")
        pairs.append((record, now))
    figures = tuple(figure for one, other in pairs for figure in _figures(one, other))
    circumstances = dict.fromkeys(item for one, other in pairs for item in _circumstances(one, other))
    return Reproduced(summary, figures, tuple(circumstances))


def _records(original: Original, number: int, replicate: int | None) -> dict[int, Record]:
    """The records to compare with, by seed, in order of the replicates."""
    original.trial(number)
    name, seeds = original.files.trial_name(number), original.spec.replicates.seeds
    if replicate is not None and not 0 <= replicate < len(seeds):
        raise FolderError(f"Trial {number} has {len(seeds)} replicates, numbered from 0, but not number {replicate}.")
    found, others = {}, []
    for index, seed in enumerate(seeds):
        record = original.files.read_record(name, index) if replicate in (None, index) else None
        if record is not None and record.outcome in _COMPARABLE:
            found[seed] = record
        elif replicate in (None, index):
            others.append("without a record" if record is None else record.outcome.replace("_", " "))
    if not found:
        raise FolderError(
            f"What is reproduced is a replicate that completed or diverged, but of trial {number} there is none "
            f"({', '.join(others)}). `acgkd why {original.files.path} {number}` says more."
        )
    return found


def _figures(before: Record, now: Record) -> Iterator[Figure]:
    """The figures that the sweep has."""
    seed = before.identity.seed
    yield Figure("outcome", seed, before.outcome, now.outcome)
    for name, value in before.objectives.items():
        if name != "seconds":
            yield Figure(f"objective {name}", seed, value, now.objectives.get(name))
    for part, names in (("quality", Quality.model_fields), ("cost", _WORK)):
        for name in names:
            value = getattr(getattr(before, part), name)
            if value is not None:
                yield Figure(name, seed, value, getattr(getattr(now, part), name))


def _circumstances(before: Record, now: Record) -> Iterator[tuple[str, str, str]]:
    one, other = before.environment, now.environment
    for name in (name for name in Environment.model_fields if name in _CIRCUMSTANCES):
        then, here = str(getattr(one, name)), str(getattr(other, name))
        if then != here:
            yield name, then or "not recorded", here or "not recorded"
