"""What a sweep folder says of itself beside its records. All of it may be missing or damaged; that is then named."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TypeGuard

from acgkd.errors import DamagedFileError
from analysis.records import sweep_file, trial_file
from analysis.records.distribution import Distribution, merged
from analysis.records.file_names import all_as_text, as_text
from analysis.records.node_accounts import NodeAccount, node_accounts
from analysis.records.record_source import Source
from analysis.records.suites.suite_file import suite_of
from analysis.records.sweep_file import SweepFile
from analysis.records.trial_file import Attempt, TrialFile

Curve = Mapping[str, list[float]]
"""``step`` and ``loss``, equally long."""


@dataclass(frozen=True)
class SweepMetadata:
    """A sweep's own account.

    Args:
        source: the frame's name of the folder.
        folder: where it is; None for packed records.
        sweep: what `sweep.json` says; its name is the folder's where there is none.
        spec_text: the spec as the user wrote it.
        trials: by number, what the trial files say.
        gaps: what was not there or could not be read, in words.
        damaged: those of them that are files which hold something else than they should.
        study: of a suite's sweep, the method whose perturbed settings it runs, '' where it runs none; None for a sweep
            on its own, and for packed records, of which no suite says it.
    """

    source: str
    folder: Path | None
    sweep: SweepFile = field(repr=False)
    spec_text: str = field(default="", repr=False)
    trials: Mapping[int, TrialFile] = field(default_factory=dict, repr=False)
    gaps: tuple[str, ...] = ()
    damaged: tuple[str, ...] = ()
    study: str | None = None

    @property
    def attempts(self) -> list[tuple[int, Attempt]]:
        """All tries at all replicates, each with its trial's number."""
        return [(number, attempt) for number, trial in self.trials.items() for attempt in trial.attempts]

    @cached_property
    def distributions(self) -> Mapping[str, Distribution]:
        """What each parameter was drawn from, over all trials; without those that no trial file says."""
        found: dict[str, list[Distribution]] = {}
        for text, names in self._written().items():
            distribution = Distribution.read(text)
            if distribution is not None:
                for name in names:
                    found.setdefault(name, []).append(distribution)
        return {name: merged(items) for name, items in found.items()}

    def _written(self) -> dict[str, list[str]]:
        """The parameters by the text of their distribution: trials repeat it, so each text is parsed once."""
        names: dict[str, dict[str, None]] = {}
        for trial in self.trials.values():
            for name, text in trial.distributions.items():
                names.setdefault(text, {})[name] = None
        return {text: list(of_text) for text, of_text in names.items()}

    @cached_property
    def set_aside(self) -> tuple[str, ...]:
        """Nodes of a cluster that got no more work in one of the starts, a sentence each."""
        found: dict[str, None] = {}
        for facts in self._starts:
            lines = facts.get("set_aside") if isinstance(facts, dict) else None
            found.update((str(line), None) for line in (lines if isinstance(lines, list) else ()))
        return tuple(found)

    @cached_property
    def nodes(self) -> tuple[NodeAccount, ...]:
        """What each node of a cluster did, over all starts."""
        return node_accounts(self._starts)

    @cached_property
    def _starts(self) -> list[object]:
        """What the files of all starts say, oldest first."""
        return [_json(path) for path in sorted((self.folder / "starts").glob("[0-9]*.json"))] if self.folder else []

    def curves(self, trial: int) -> dict[int, dict[str, Curve]]:
        """Loss curves of a trial: replicate to stage to column; empty where none were kept."""
        found = {}
        for path in sorted((self.folder / "curves").glob(f"trial-{trial:04d}-*.json")) if self.folder else ():
            data = _json(path)
            replicate = path.stem.rsplit("-", 1)[-1]
            if isinstance(data, dict) and replicate.isdigit():
                found[int(replicate)] = {stage: curve for stage, curve in data.items() if _is_curve(curve)}
        return found


def read(source: Source) -> SweepMetadata:
    """Reads what there is; a damaged file is named among the gaps.

    Raises:
        NewerVersionError: a file was written by a newer version; nothing is then half read.
    """
    gaps: list[str] = []
    damaged: list[str] = []
    sweep = _sweep(source, gaps, damaged)
    spec_text = source.text("spec.yaml")
    if spec_text is None and not source.is_packed:
        gaps.append("`spec.yaml` is missing or unreadable.")
    trials = {trial.number: trial for trial in _trials(source, damaged)}
    if not trials:
        gaps.append("There are no trial files: states and attempts are not known.")
    return SweepMetadata(
        *(source.name, source.folder, sweep, spec_text or "", trials),
        gaps=(*gaps, *damaged),
        damaged=tuple(damaged),
        study=_study(source),
    )


def _study(source: Source) -> str | None:
    suite = None if source.folder is None else suite_of(source.folder)
    members = () if suite is None else suite.members
    return next((member.study for member in members if member.name == source.path.name), None)


def _sweep(source: Source, gaps: list[str], damaged: list[str]) -> SweepFile:
    text, unknown = source.text("sweep.json"), "objectives, command and versions are not known"
    if text is None:
        gone = "is not among packed records" if source.is_packed else "is missing or cannot be opened"
        gaps.append(f"`sweep.json` {gone}: {unknown}.")
    else:
        try:
            return sweep_file.parse(text, source.place("sweep.json"))
        except DamagedFileError as error:
            damaged.append(f"`sweep.json` {error.reason}: {unknown}.")
    return SweepFile(name=source.name if source.folder is None else as_text(source.folder.name))


def _trials(source: Source, damaged: list[str]) -> Iterator[TrialFile]:
    for name in source.trials():
        text = source.text(name)
        if text is None:
            damaged.append(f"`{name}` cannot be opened: its state and attempts are not known.")
            continue
        try:
            yield trial_file.parse(text, source.place(name), TrialFile)
        except DamagedFileError as error:
            damaged.append(f"`{name}` {error.reason}; its state and attempts are not known.")


def _json(path: Path) -> object:
    try:
        return all_as_text(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, RecursionError):
        return None


def _is_curve(curve: object) -> TypeGuard[Curve]:
    return (
        isinstance(curve, dict)
        and isinstance(curve.get("step"), list)
        and isinstance(curve.get("loss"), list)
        and len(curve["step"]) == len(curve["loss"]) > 0
        and all(isinstance(value, (int, float)) for value in [*curve["step"], *curve["loss"]])
    )
