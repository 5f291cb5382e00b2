"""A confirmation: the chosen trial, or the whole front, and the controls again, on seeds that the search never saw."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from acgkd.errors import ConfigError, FolderError
from analysis.records import confirmations
from analysis.stores.copies import copy_of
from sweeps.engine.snapshot import Summary, Watch
from sweeps.executors.base import Executor, run_sweep
from sweeps.followups.single_trial import Original
from sweeps.interchange.forking import copy_cache, fork
from sweeps.spec.sweep_spec import SweepSpec
from sweeps.store.folder import SweepFolder
from sweeps.worker.experiments import AcgkdExperiments, Experiments

_LARGEST = 2**31 - 1


@dataclass(frozen=True)
class Plan:
    """The confirmation of one trial.

    Args:
        trial: its number in the search.
        folder: of the confirmation, a sweep of its own.
        spec: what is run there.
    """

    trial: int
    folder: Path
    spec: SweepSpec


def fresh_seeds(spec: SweepSpec, count: int) -> tuple[int, ...]:
    """The next seeds above all of a search.

    Raises:
        ConfigError: there are not so many.
    """
    first = max(spec.replicates.seeds) + 1
    if not 1 <= count <= _LARGEST - first + 1:
        raise ConfigError(f"`--seeds` is a number of seeds, 1 or more and none of them above {_LARGEST}: got {count}.")
    return tuple(range(first, first + count))


def require_fresh(spec: SweepSpec, seeds: Sequence[int]) -> tuple[int, ...]:
    """Seeds that were named, if each of them is one that the search never saw.

    Raises:
        ConfigError: one is the search's, is named several times, or cannot be a seed.
    """
    seen = sorted(set(seeds) & set(spec.replicates.seeds))
    if seen:
        raise ConfigError(
            f"A confirmation needs seeds that the search never saw, but {', '.join(map(str, seen))} chose its trials. "
            f"The search has {', '.join(map(str, spec.replicates.seeds))}; name others."
        )
    if len(set(seeds)) != len(seeds) or not seeds or not all(0 <= seed <= _LARGEST for seed in seeds):
        raise ConfigError(
            f"Seeds are different whole numbers from 0 to {_LARGEST}, but got {', '.join(map(str, seeds)) or 'none'}."
        )
    return tuple(seeds)


def plans(folder: Path, seeds: int | Sequence[int], front: bool = False) -> list[Plan]:
    """What to run to confirm a sweep; nothing is started.

    Args:
        folder: of the search; it may be at work, and nothing in it is changed but `confirm/`.
        seeds: how many fresh ones, or which.
        front: every trial of the front, the chosen one first; the chosen trial alone if left out.

    Raises:
        FolderError: it is no sweep, nothing is chosen yet, or a trial was confirmed on other seeds.
        ConfigError: the seeds are not fresh.
    """
    original = Original.open(folder)
    spec = original.spec
    fresh = fresh_seeds(spec, seeds) if isinstance(seeds, int) else require_fresh(spec, seeds)
    labels = [control.label for control in spec.controls]
    found = []
    for number in _chosen(folder, front):
        own = original.alone(original.trial(number), fresh, labels)
        plan = Plan(number, confirmations.folder_of(folder, number), own)
        _require_same_seeds(plan)
        found.append(plan)
    return found


def _chosen(folder: Path, front: bool) -> list[int]:
    """The chosen trial, then the others of the front where they are asked for."""
    from analysis.records.frame import load
    from analysis.statistics.view import view_of

    view = view_of(load([folder]))
    if view.choice.trial is None:
        raise FolderError(
            f"What is confirmed is the trial that a sweep chose, but {folder} has chosen none yet: "
            f"{view.choice.reason}. Run it further."
        )
    others = sorted(int(number) for number in view.trials["trial"][view.own_front]) if front else []
    return list(dict.fromkeys([view.choice.trial, *others]))


def _require_same_seeds(plan: Plan) -> None:
    known = SweepFolder(plan.folder).read_sweep()
    if known is None:
        return
    section = known.spec.get("replicates")
    seeds = section.get("seeds") if isinstance(section, dict) else None
    asked = list(plan.spec.replicates.seeds)
    if seeds != asked:
        raise FolderError(
            f"Trial {plan.trial} is confirmed in {plan.folder} on the seeds {seeds}, but {asked} were asked for. Name "
            "the same seeds to resume it, or move that folder away to confirm the trial anew."
        )


def run(
    plan: Plan,
    folder: Path,
    executor: Executor,
    *,
    command: str = "",
    watch: Watch | None = None,
    trust_code: bool = False,
    experiments: Experiments | None = None,
    accept_code_change: bool = False,
    say: Callable[[str], None] = lambda line: None,
) -> Summary:
    """Runs one confirmation; run again, it resumes, or finds that nothing is left to do.

    Args:
        plan: of `plans`.
        folder: of the search.
        executor: where its jobs run.
        command: that started it, for the record.
        watch: called with snapshots.
        trust_code: whether the spec may name Python functions of the user's.
        experiments: where experiments come from; the real ones if left out.
        accept_code_change: continue though rows were made with other settings or other code of the user's than today's.
        say: called with a line for each thing that the user should know before the start.

    Raises:
        ConfigError: the spec names code, which is not trusted.
        SweepError: another driver works on it, or it cannot be written.
    """
    Original.open(folder).require_trust(trust_code)
    if not plan.folder.exists() or not any(plan.folder.iterdir()):
        _prepare(plan, folder, experiments or AcgkdExperiments.of(plan.spec, trust_code))
    return run_sweep(
        plan.spec,
        plan.folder,
        executor,
        command=command,
        watch=watch,
        trust_code=trust_code,
        experiments=experiments,
        accept_code_change=accept_code_change,
        say=say,
    )


def _prepare(plan: Plan, folder: Path, experiments: Experiments) -> None:
    """Takes over teachers and controls that are the same in the confirmation of another trial."""
    others = () if copy_of(folder) is not None else sorted(plan.folder.parent.glob("trial-*"))  # a fork needs a folder
    for other in others:
        known = SweepFolder(other).read_sweep() if other != plan.folder else None
        section = None if known is None else known.spec.get("replicates")
        if isinstance(section, dict) and section.get("seeds") == list(plan.spec.replicates.seeds):
            fork(other, plan.spec, plan.folder, experiments)
            return
    if not {"split", "teacher"} & set(plan.spec.replicates.vary):  # the search's teacher is this one's, too
        searched = SweepFolder(folder)
        searched.fetch_cache()
        copy_cache(searched.cache, SweepFolder(plan.folder).cache)
