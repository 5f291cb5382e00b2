"""What may change in the spec of a sweep that has run, and what follows from it.

A change is taken where every result so far keeps its meaning: values reported to the sampler stay, and no record
is made again. What cannot be taken is refused with the reason; `acgkd fork` takes over what still counts.
"""

from collections.abc import Callable, Mapping, Sequence

from pydantic import ValidationError

from acgkd.errors import FolderError
from analysis.records.record import Record
from analysis.records.sweep_file import Change, Extension, SweepFile
from sweeps.engine.trials.halving import fronts
from sweeps.engine.trials.trial_rules import means, result_of
from sweeps.spec.sweep_spec import SweepSpec
from sweeps.spec.values import differences, leaves
from sweeps.store.folder import SweepFolder
from sweeps.store.trial import Trial, now

SHAPES = "it shapes every result"


def taken(known: SweepFile, spec: SweepSpec, folder: SweepFolder) -> SweepFile:
    """The sweep file after the changes of a spec, with what follows for trials already written.

    Args:
        known: as the folder says.
        spec: as it is now, with another fingerprint.
        folder: of the sweep, locked.

    Raises:
        FolderError: a change cannot be taken; the message lists all, each with the reason.
    """
    try:
        old = SweepSpec.model_validate(known.spec)
    except ValidationError:
        raise FolderError(_refusal(folder, {"the folder was made by a version with other settings": []})) from None
    lines: list[str] = []
    refused: dict[str, list[str]] = {}
    before, after = old.what_counts(), spec.what_counts()
    for key in dict.fromkeys([*before, *after]):
        changed = differences(*(leaves({key: tree.get(key)}) for tree in (before, after)))
        if changed:
            objection = _OBJECTIONS.get(key)
            reason = SHAPES if objection is None else objection(old, spec, folder)
            (lines if reason is None else refused.setdefault(reason, [])).extend(changed)
    files = differences(known.files, spec.files())
    if files:
        refused.setdefault(SHAPES, []).extend(files)
    if refused:
        raise FolderError(_refusal(folder, refused))
    if old.objectives != spec.objectives:
        _tell_again(spec, folder)
    return known.model_copy(
        update={
            "changes": (*known.changes, Change(at=now(), lines=tuple(lines or ["(a setting that reads differently)"]))),
            "extensions": (*known.extensions, *_extension(old, spec, folder)),
        }
    )


def _refusal(folder: SweepFolder, refused: Mapping[str, Sequence[str]]) -> str:
    """The changes that cannot be taken, each reason once, behind all that it concerns."""
    lines = []
    for reason, changed in refused.items():
        lines += [f"{changed[0]} ({reason})"] if len(changed) == 1 else [*changed, f"({reason})"]
    return (
        f"{folder.shown} belongs to a sweep with other settings, and not all changes can be taken:\n"
        + "\n".join(f"  {line}" for line in lines)
        + f"\nPut the settings back, or let `acgkd fork {folder.shown} SPEC --out DIR` take over what still counts."
    )


# ---- what may change: each returns the reason against it, or None

Objection = Callable[[SweepSpec, SweepSpec, SweepFolder], str | None]


def _free(old: SweepSpec, spec: SweepSpec, folder: SweepFolder) -> str | None:
    return None


def _controls(old: SweepSpec, spec: SweepSpec, folder: SweepFolder) -> str | None:
    for control in old.controls:
        again = [item for item in spec.controls if item.label == control.label]
        if again and again[0] != control and any(folder.records.glob(f"{folder.control_name(control.label)}-*.json")):
            return f"`{control.label}` has run as it was; give the changed one a label of its own"
    return None


def _objectives(old: SweepSpec, spec: SweepSpec, folder: SweepFolder) -> str | None:
    names, before = ([item.name for item in item.objectives] for item in (spec, old))
    trials = list(folder.trials())
    if names != before and any(trial.rungs for trial in trials):
        return "early stopping has judged by the objectives as they were, and its rungs hold no others"
    for trial in trials:
        for record in _records(folder, trial):
            missing = [name for name in names if record.outcome == "completed" and record.measured(name) is None]
            if missing:
                return f"the records of trial {trial.number} hold no `{missing[0]}`"
    return None


def _space(old: SweepSpec, spec: SweepSpec, folder: SweepFolder) -> str | None:
    if old.space is None or spec.space is None:
        return "a sweep with a space and one without are two kinds of sweep"
    surveys = [item.inspection.survey(item.space) for item in (old, spec)]
    if None in surveys:
        return "the space of before is not known any more"
    before, after = (set(survey.parameters) for survey in surveys if survey is not None)
    if before != after:
        named = ", ".join(f"`{name}`" for name in sorted(before ^ after))
        return f"a wider space has the same parameters, but these are new or gone: {named}"
    return None


def _replicates(old: SweepSpec, spec: SweepSpec, folder: SweepFolder) -> str | None:
    before, after = old.replicates, spec.replicates
    if before.vary != after.vary:
        return "what a seed changes must stay the same"
    if after.seeds[: len(before.seeds)] != before.seeds:
        return "seeds may be added behind those that there are, not changed or left out"
    return None


_OBJECTIONS: Mapping[str, Objection] = {
    "timeout_s": _free,
    "scheduler": _free,
    "controls": _controls,
    "objectives": _objectives,
    "space": _space,
    "replicates": _replicates,
}


# ---- what follows


def _tell_again(spec: SweepSpec, folder: SweepFolder) -> None:
    """Gives completed trials their values of the objectives as they are now; harmless if done twice."""
    for trial in folder.trials():
        if trial.state == "completed":
            results = [result_of(record, spec.objectives) for record in _records(folder, trial)]
            folder.write_trial(trial.model_copy(update={"values": means(results)}))


def _extension(old: SweepSpec, spec: SweepSpec, folder: SweepFolder) -> list[Extension]:
    first, stop = len(old.replicates.seeds), len(spec.replicates.seeds)
    if first == stop:
        return []
    done = [trial for trial in folder.trials() if trial.state == "completed"]
    if spec.replicates.extend == "front":
        losses = {trial.number: trial.losses(spec.directions) for trial in done}
        front = fronts(losses)[0] if losses else []
        done = [trial for trial in done if trial.number in front]
    return [Extension(first=first, stop=stop, trials=tuple(sorted(trial.number for trial in done)))]


def extended_further(known: SweepFile, spec: SweepSpec, folder: SweepFolder) -> SweepFile:
    """The sweep file where seeds that were added for the front are now for all trials; else as it is."""
    if spec.replicates.extend != "all" or not known.extensions:
        return known
    trials = [trial for trial in folder.trials() if trial.state == "completed" and trial.replicates is not None]
    wider = tuple(
        item.model_copy(
            update={
                "trials": tuple(
                    sorted({*item.trials, *(t.number for t in trials if (t.replicates or 0) <= item.first)})
                )
            }
        )
        for item in known.extensions
    )
    return known.model_copy(update={"extensions": wider})


def _records(folder: SweepFolder, trial: Trial) -> list[Record]:
    """The records of a trial behind the values reported to the sampler: those of seeds added later are none."""
    indices = sorted({attempt.replicate for attempt in trial.attempts})
    found = [folder.read_record(folder.trial_name(trial.number), index) for index in indices]
    return [record for record in found if record is not None and not record.identity.added]
