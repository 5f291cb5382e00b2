"""Controls that say `settings_from` get the settings that a search chose, written out before a spec is checked."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from acgkd.config import DatasetConfig, MethodChoice, StudentConfig, TeacherConfig
from acgkd.errors import AcgkdError, ConfigError, Fault
from sweeps.spec.controls import Chosen, Control
from sweeps.spec.sections import Replicates
from sweeps.spec.sweep_spec import SweepSpec

_METHOD = "method/"


@dataclass(frozen=True)
class _Search:
    """What a search chose.

    Args:
        name: of its sweep.
        task: its data set, teacher and student, in words.
        seeds: on which it chose.
        method: the chosen trial's, with all settings that were said or searched.
        chosen: which trial that was.
    """

    name: str
    task: str
    seeds: tuple[int, ...]
    method: MethodChoice
    chosen: Chosen


def write_out(sound: dict[str, Any], folder: Path) -> list[Fault]:
    """Gives controls the settings that their searches chose.

    Args:
        sound: sections of a spec that are valid on their own; its controls are replaced.
        folder: beside which searches are looked for, before the current folder.
    """
    controls: Sequence[Control] = sound.get("controls") or ()
    found, faults = [], []
    for number, control in enumerate(controls):
        if control.settings_from is not None:
            try:
                control = _chosen_control(control, sound, folder)
            except AcgkdError as error:
                faults.append(Fault(f"controls/{number}/settings_from", str(error)))
                control = control.model_copy(update={"settings_from": None})
        found.append(control)
    if controls:
        sound["controls"] = tuple(found)
    return faults


def _chosen_control(control: Control, sound: Mapping[str, object], folder: Path) -> Control:
    task, place = _task(sound.get("dataset"), sound.get("teacher"), sound.get("student")), str(control.settings_from)
    home = next((path for path in (folder / place, Path.cwd() / place) if path.exists()), None)
    if home is None:
        raise ConfigError(
            f"A search is a folder that `acgkd run` has made, but there is none at {place}. Run the search first."
        )
    searches = list(_searches(home))
    there = [search for search in searches if search.task == task and search.method.name == control.name]
    if len(there) != 1:
        listed = "; ".join(f"{search.name}: `{search.method.name}` on {search.task}" for search in searches)
        raise ConfigError(
            f"`settings_from` names one search of `{control.name}` on {task}, but {place} has {len(there) or 'none'}. "
            f"It chose: {listed or 'nothing yet'}."
        )
    (search,) = there
    replicates = sound.get("replicates")
    seen = sorted(set(search.seeds) & set(replicates.seeds)) if isinstance(replicates, Replicates) else []
    if seen:
        raise ConfigError(
            f"Chosen settings are run on seeds that their search never saw, but {', '.join(map(str, seen))} chose "
            f"them in {search.name}. Name others under `replicates/seeds`."
        )
    settings = {"synthesis": search.method.synthesis, "transfer": search.method.transfer}
    return control.model_copy(update={"settings_from": None, "chosen": search.chosen, **settings})


def _searches(home: Path) -> Iterator[_Search]:
    """What the searches at a place have chosen: of one sweep, or of all sweeps of a suite that search."""
    from analysis.records.frame import load
    from analysis.statistics.view import views

    for view in views(load([home])):
        sweep, number = view.metadata.sweep, view.choice.trial
        if not sweep.searched or number is None or number not in view.metadata.trials:
            continue
        parameters = view.metadata.trials[number].parameters
        try:
            spec = SweepSpec.model_validate(sweep.spec)
        except ValidationError as error:
            raise ConfigError(
                f"The spec of {sweep.name} is one of another version: {error.errors()[0]['msg']}"
            ) from None
        config = spec.run_config(parameters)
        names = tuple(name.removeprefix(_METHOD) for name in parameters if name.startswith(_METHOD))
        yield _Search(
            sweep.name,
            _task(spec.dataset, spec.teacher, config.student),
            spec.replicates.seeds,
            config.method,
            Chosen(sweep=sweep.name, trial=number, among=view.choice.among, searched=names),
        )


def _task(dataset: object, teacher: object, student: object) -> str:
    data = dataset.title if isinstance(dataset, DatasetConfig) else "no data set"
    options = f" {dataset.options}" if isinstance(dataset, DatasetConfig) and dataset.options else ""
    sides = [side.preset if isinstance(side, TeacherConfig | StudentConfig) else "?" for side in (teacher, student)]
    return f"{data}{options}, {' → '.join(sides)}"
