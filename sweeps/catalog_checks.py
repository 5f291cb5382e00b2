"""Laws that need the catalogues: names that exist, settings that their method knows, files that are there."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from acgkd.config import DatasetConfig, MethodChoice, PriorConfig, StudentConfig, TeacherConfig, flatten, overlay
from acgkd.errors import AcgkdError, nearest
from sweeps import parameters as inline
from sweeps.errors import Fault
from sweeps.faults import translate
from sweeps.probe import Survey, draw, survey
from sweeps.settings import SamplerConfig
from sweeps.spaces import SPACES
from sweeps.tree import tuples

DRAWS = 32
GRID_LIMIT = 100_000

# A teacher per trial would be trained anew, and trials on other data or another prior are no longer paired.
SEARCHABLE = ("method/synthesis/", "method/transfer/", "student/")


def _known(catalog: Any, name: str, path: str) -> Iterator[Fault]:
    try:
        catalog[name]
    except AcgkdError as error:
        yield Fault(path, str(error))


def method_law(method: MethodChoice) -> Iterator[Fault]:
    """The method exists and understands its fixed settings."""
    from acgkd.methods import METHODS

    if method.name not in METHODS:
        yield from _known(METHODS, method.name, "method/name")
        return
    yield from _settings_faults(method)


def _settings_faults(method: MethodChoice, prefix: str = "method") -> Iterator[Fault]:
    from acgkd.methods import METHODS

    config = METHODS[method.name].config
    data = {"synthesis": method.synthesis, "transfer": method.transfer}
    try:
        config.model_validate(tuples(data), strict=True)
    except ValidationError as error:
        yield from translate(error, config, data, prefix)


def models_law(teacher: TeacherConfig, student: StudentConfig, trust_code: bool) -> Iterator[Fault]:
    """Teacher and student name models that can be built."""
    from acgkd.models import check_preset

    for path, preset in (("teacher/preset", teacher.preset), ("student/preset", student.preset)):
        if path == "teacher/preset" and ":" in preset:
            if not trust_code:
                yield Fault(
                    path, f"'{preset}' names Python code, which a spec may not run by itself. `--trust-code` allows it."
                )
            continue
        try:
            check_preset(preset)
        except AcgkdError as error:
            yield Fault(path, str(error))


def checkpoint_law(
    teacher: TeacherConfig, prior: PriorConfig, dataset: DatasetConfig | None, method: MethodChoice
) -> Iterator[Fault]:
    """The teacher's file is there, safe to open, and holds the weights of such a model."""
    if teacher.checkpoint is None:
        return
    from acgkd.checkpoint import load_state
    from acgkd.teacher import load_weights

    path = Path(teacher.checkpoint)
    if not path.exists():
        yield Fault("teacher/checkpoint", f"There is no file {path}.")
        return
    try:
        model = _blank_teacher(teacher.preset, prior, dataset, method)
        if model is None:
            load_state(path)
        else:
            load_weights(model, path)
    except AcgkdError as error:
        yield Fault("teacher/checkpoint", str(error))


def _blank_teacher(preset: str, prior: PriorConfig, dataset: DatasetConfig | None, method: MethodChoice) -> Any:
    """A model that the weights should fit, or None where other sections are too wrong to build one."""
    import torch

    from acgkd.datasets import DATASETS
    from acgkd.methods import METHODS
    from acgkd.modalities import modality
    from acgkd.models import build_model
    from acgkd.runtime import Streams

    try:
        known = PriorConfig() if dataset is None else DATASETS[dataset.name].known_for(dataset)
        facts = modality(METHODS[method.name].modality).prior(prior, known)
        with Streams(0, torch.device("cpu")).fork("teacher"):
            return build_model(preset, facts.feature_count, facts.classes)
    except AcgkdError:
        return None


def dataset_law(dataset: DatasetConfig | None) -> Iterator[Fault]:
    """The data set exists, and so do its files."""
    if dataset is None:
        return
    from acgkd.datasets import DATASETS

    if dataset.name not in DATASETS:
        yield from _known(DATASETS, dataset.name, "dataset/name")
        return
    if dataset.split_file is not None and not Path(dataset.split_file).is_file():
        yield Fault("dataset/split_file", f"There is no file {dataset.split_file}.")
    if dataset.root is not None and not Path(dataset.root).is_dir():
        yield Fault("dataset/root", f"There is no folder {dataset.root}.")
        return
    try:
        DATASETS[dataset.name].read_options(dataset)
    except AcgkdError as error:
        yield Fault("dataset/options", str(error))
    locate = DATASETS[dataset.name].locate
    try:
        if locate is not None:
            locate(dataset)
    except AcgkdError as error:
        yield Fault("dataset/root", str(error))


def teacher_comes_from_somewhere(teacher: TeacherConfig, dataset: DatasetConfig | None) -> Iterator[Fault]:
    """Trained here on a data set, or loaded from a file."""
    if dataset is None and teacher.checkpoint is None:
        yield Fault(
            "teacher",
            "A teacher is trained on a `dataset` or loaded from `teacher/checkpoint`, but neither is given.",
        )


def modalities_agree(
    method: MethodChoice, dataset: DatasetConfig | None, teacher: TeacherConfig, student: StudentConfig
) -> Iterator[Fault]:
    """Method, data and models speak of the same kind of sample."""
    from acgkd.datasets import DATASETS
    from acgkd.methods import METHODS
    from acgkd.models import MODELS

    if method.name not in METHODS:
        return
    kind = METHODS[method.name].modality
    others: list[tuple[str, str, Any, str]] = [("teacher/preset", teacher.preset, MODELS, teacher.preset.split("-")[0])]
    others.append(("student/preset", student.preset, MODELS, student.preset.split("-")[0]))
    if dataset is not None:
        others.append(("dataset/name", dataset.name, DATASETS, dataset.name))
    for path, shown, catalog, name in others:
        if name in catalog and catalog[name].modality != kind:
            yield Fault(path, f"'{method.name}' works on {kind}, but '{shown}' is for {catalog[name].modality}.")


def prior_law(prior: PriorConfig, dataset: DatasetConfig | None, method: MethodChoice) -> Iterator[Fault]:
    """Enough is known of the data to make pseudo-samples."""
    from acgkd.datasets import DATASETS
    from acgkd.methods import METHODS
    from acgkd.modalities import modality

    if method.name not in METHODS or (dataset is not None and dataset.name not in DATASETS):
        return
    try:
        known = PriorConfig() if dataset is None else DATASETS[dataset.name].known_for(dataset)
    except AcgkdError:
        return  # told already
    try:
        modality(METHODS[method.name].modality).prior(prior, known)
    except AcgkdError as error:
        yield Fault("prior", str(error))


def method_needs_data(
    method: MethodChoice, controls: Sequence[str], dataset: DatasetConfig | None, teacher: TeacherConfig
) -> Iterator[Fault]:
    """Methods that learn from the training split need one."""
    from acgkd.methods import METHODS

    for path, name in [("method/name", method.name)] + [(f"controls/{n}", name) for n, name in enumerate(controls)]:
        if name not in METHODS or not METHODS[name].needs_data:
            continue
        if dataset is None:
            yield Fault(path, f"'{name}' learns from real data, but there is no `dataset`.")
        elif teacher.checkpoint is not None and dataset.split_file is None:
            yield Fault(
                path,
                f"'{name}' learns from the teacher's training split, but nothing says which samples trained "
                "`teacher/checkpoint`. Give `dataset/split_file`, or leave it out.",
            )


def controls_law(controls: Sequence[str], method: MethodChoice) -> Iterator[Fault]:
    """Controls exist, none twice, none the method itself, all of its kind."""
    from acgkd.methods import METHODS

    for number, name in enumerate(controls):
        path = f"controls/{number}"
        if name not in METHODS:
            yield from _known(METHODS, name, path)
        elif name in controls[:number]:
            yield Fault(path, f"A control may stand once, but '{name}' stands twice.")
        elif name == method.name:
            yield Fault(path, f"'{name}' is the method itself, so it cannot be its control. Leave it out.")
        elif method.name in METHODS and METHODS[name].modality != METHODS[method.name].modality:
            yield Fault(path, f"'{name}' is for {METHODS[name].modality}, but '{method.name}' is not. Leave it out.")


def space_law(space: Any, method: MethodChoice, student: StudentConfig, sampler: SamplerConfig) -> Iterator[Fault]:
    """The space exists, and every value that it can ask for is one that its setting can take."""
    from acgkd.methods import METHODS

    if isinstance(space, str) and space not in SPACES:
        yield from _known(SPACES, space, "space")
        return
    if not isinstance(space, str) and any(True for _ in inline.faults(space)):
        return  # told already; a broken space cannot be walked through
    suggest = SPACES[space] if isinstance(space, str) else _asker(space)
    found = survey(suggest)
    misplaced = list(_misplaced(found, space))
    yield from misplaced
    if not misplaced and method.name in METHODS and not any(True for _ in _settings_faults(method)):
        yield from _refused_values(suggest, found, space, method, student)
    if sampler.name == "grid":
        yield from _grid_faults(found)


def _asker(space: Mapping[str, Any]) -> Callable[[Any], None]:
    return lambda trial: inline.suggest(space, trial)


def _place(space: Any, name: str) -> str:
    return "space" if isinstance(space, str) else f"space/{name}"


def _misplaced(found: Survey, space: Any) -> Iterator[Fault]:
    for name in found.parameters:
        if name.startswith("teacher/"):
            yield Fault(
                _place(space, name), f"`{name}` cannot be searched: every trial would train teachers of its own."
            )
        elif not name.startswith(SEARCHABLE):
            roots = ", ".join(f"`{root}`" for root in SEARCHABLE)
            hint = nearest(name, [f"method/{name}", *SEARCHABLE])
            yield Fault(
                _place(space, name), f"A parameter names a setting below {roots}, but got `{name}`. {hint}".strip()
            )


def _refused_values(
    suggest: Callable[[Any], None], found: Survey, space: Any, method: MethodChoice, student: StudentConfig
) -> Iterator[Fault]:
    """Tries both ends of every parameter, then random points; tells one refusal for each setting."""
    told: set[str] = set()
    fixed = {"method": method.model_dump(), "student": student.model_dump()}
    for point in [*found.points, *(draw(suggest, seed) for seed in range(DRAWS))]:
        for fault in _point_faults(overlay(fixed, point)):
            name = next((name for name in point if fault.path == name), None)
            name = name or next((name for name in point if name.startswith(f"{fault.path}/")), None)
            if name is not None and name not in told:  # with no parameter in it, the fixed settings are told of it
                told.add(name)
                prefix = f"`{name}`: " if isinstance(space, str) else ""
                yield Fault(_place(space, name), f"{prefix}{fault.message}")


def _point_faults(tree: Mapping[str, Any]) -> Iterator[Fault]:
    from acgkd.models import check_preset

    try:
        method = MethodChoice.model_validate(tree["method"])
        student = StudentConfig.model_validate(tree["student"])
    except ValidationError as error:
        section, model = ("student", StudentConfig) if error.title == "StudentConfig" else ("method", MethodChoice)
        yield from translate(error, model, tree[section], section)
        return
    yield from _settings_faults(method)
    try:
        check_preset(student.preset)
    except AcgkdError as error:
        yield Fault("student/preset", str(error))


def _grid_faults(found: Survey) -> Iterator[Fault]:
    endless = [name for name, asked in found.parameters.items() if asked.values is None]
    if found.conditional:
        yield Fault(
            "sampler/name",
            f"A grid needs every parameter in every trial, but `{sorted(found.conditional)[0]}` exists only under "
            "conditions. Use `sampler: random`, or write the space out without `when`.",
        )
    elif endless:
        yield Fault(
            "sampler/name",
            f"A grid needs a finite number of values, but `{endless[0]}` is continuous. Give it a `step` or choices.",
        )
    elif found.grid is not None:
        size = 1
        for values in found.grid.values():
            size *= len(values)
        if size > GRID_LIMIT:
            yield Fault("sampler/name", f"A grid may have {GRID_LIMIT:,} points, but this space has {size:,}.")


CATALOG_CHECKS: tuple[Callable[..., Iterator[Fault]], ...] = (
    dataset_law,
    teacher_comes_from_somewhere,
    models_law,
    checkpoint_law,
    method_law,
    modalities_agree,
    prior_law,
    method_needs_data,
    controls_law,
    space_law,
)


def notes(spec: Any) -> list[str]:
    """What is allowed and yet worth knowing before hours of work."""
    lines = []
    if spec.teacher.checkpoint is not None and spec.dataset is not None and spec.dataset.split_file is None:
        lines.append(
            "No accuracy is reported: nothing says which samples trained `teacher/checkpoint`. "
            "`dataset/split_file` would."
        )
    found = survey(spec.suggest)
    fixed = flatten(spec.method.model_dump(), "method")
    for name in found.parameters:
        if name in fixed:
            lines.append(
                f"`{name}` is searched; its fixed value {inline.show(fixed[name])} counts for `distill` alone."
            )
    if any(objective.floor == "control" for objective in spec.objectives) and spec.floor_control() is None:
        lines.append("No trial is held against a control: `controls` has none that needs no data.")
    if len(spec.replicates.seeds) < 3:
        lines.append("With fewer than 3 seeds the report's intervals say little.")
    return lines
