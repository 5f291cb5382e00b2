"""What a sweep is, as one frozen value: read from YAML, checked whole before anything starts."""

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Discriminator, Field, Tag, ValidationError, model_validator

from acgkd.config import (
    Config,
    DatasetConfig,
    MethodChoice,
    PriorConfig,
    RunConfig,
    StudentConfig,
    TeacherConfig,
    fingerprint,
    overlay,
)
from acgkd.errors import ConfigError
from acgkd.run.objectives import Direction
from sweeps.spaces import SPACES
from sweeps.spec.controls import Control, lower_controls, searched_method
from sweeps.spec.fault_messages import translate
from sweeps.spec.inspection import Inspection
from sweeps.spec.parameters import Space
from sweeps.spec.sections import (
    Artefacts,
    Budget,
    Command,
    Failures,
    Objective,
    Replicates,
    Resources,
    SamplerConfig,
    SchedulerConfig,
    SweepName,
    Trackers,
)
from sweeps.spec.stand_ins import ProbeTrial, Suggesting, WrittenTrial
from sweeps.spec.values import Plugins, Scalar, differences, leaves
from sweeps.spec.written_space import WrittenSpace

if TYPE_CHECKING:
    from pydantic.main import IncEx

# What may change between two starts on one folder: how long to continue, what to occupy, what to keep; not what is run.
CHANGEABLE = ("budget", "resources", "artefacts", "failures", "on_end", "trackers", "plugins")

# Where files and data lie: a sweep and what it needs can be moved together. What is in the files counts.
FILES = ("dataset/split_file", "dataset/path", "teacher/checkpoint")
PLACES = (*FILES, "dataset/root", "dataset/mirror")


def _how_space_is_given(space: object) -> str:
    return "named" if isinstance(space, str) else "written"


SpaceChoice = Annotated[
    Annotated[str, Tag("named")] | Annotated[Space, Tag("written")], Discriminator(_how_space_is_given)
]


class SweepSpec(Config):
    """A sweep: what is distilled from what, which settings are searched, for what, and for how long."""

    name: SweepName = Field(description="Names the default folder, `runs/<name>`; the file's name if left out.")
    dataset: DatasetConfig | None = Field(default=None, description="A name, or a mapping with `name`.")
    teacher: TeacherConfig
    student: StudentConfig
    method: MethodChoice
    prior: PriorConfig = PriorConfig()
    space: SpaceChoice | None = Field(
        default=None,
        description="A catalogue name (`acgkd list`), or parameters by slash path. Left out: one trial, the method at "
        "its settings.",
    )
    objectives: Annotated[tuple[Objective, ...], Field(min_length=1, max_length=3)] = Field(
        description="One to three; `validation_divergence` (without data: `agreement_overlap`) and `multiply_adds` if "
        "left out."
    )
    sampler: SamplerConfig = SamplerConfig()
    scheduler: SchedulerConfig = SchedulerConfig()
    replicates: Replicates = Replicates()
    budget: Budget = Budget()
    resources: Resources = Resources()
    artefacts: Artefacts = Artefacts()
    failures: Failures = Failures()
    controls: tuple[Control, ...] = Field(
        default=(),
        description="Methods run as reference lines, each on all seeds; the lower control (`random_graphs`) if left "
        "out.",
    )
    device: Literal["auto", "cpu", "cuda"] = Field(
        default="auto", description="Where tensors are; `auto` is a CUDA device where there is one."
    )
    on_end: Command | None = Field(default=None, description="Run when a start has ended; needs `--trust-code`.")
    trackers: Trackers = Field(
        default={},
        description="Tools to which runs are logged: names (`acgkd list trackers`), or options by name. `module:Class` "
        "is a tracker of your own and needs `--trust-code`.",
    )
    plugins: Plugins = Field(
        default=(), description="Python files, or folders of them, that add to the catalogues; needs `--trust-code`."
    )
    timeout_s: Annotated[float, Field(gt=0)] | None = Field(default=None, description="Limit for one replicate.")

    @model_validator(mode="before")
    @classmethod
    def _fill_in(cls, value: object) -> object:
        return defaults(value) if isinstance(value, Mapping) else value

    @cached_property
    def inspection(self) -> Inspection:
        """What checks have found out about it, each thing once."""
        return Inspection()

    @cached_property
    def folder(self) -> Path:
        """Where code that it names is looked for: beside its file, or in the current folder where there is none."""
        return Path.cwd()

    @cached_property
    def code_folders(self) -> tuple[Path, ...]:
        """All folders in which such code is looked for, in this order."""
        return tuple(dict.fromkeys([self.folder, Path.cwd()]))

    @property
    def own_models(self) -> tuple[str, ...]:
        """The functions of the user's that build models, as `module:function`."""
        return tuple(dict.fromkeys(name for name in (self.teacher.preset, self.student.preset) if ":" in name))

    def suggest(self, trial: Suggesting) -> dict[str, Scalar]:
        """Asks a trial (`optuna.Trial`, or anything with its `suggest_*`) for every parameter of the space.

        Returns:
            what was asked for, stepped floats as the decimals that are written.
        """
        if self.space is None:
            return {}
        if not isinstance(self.space, str):
            return WrittenSpace(self.space).suggest(trial)
        asked = trial if isinstance(trial, ProbeTrial) else WrittenTrial(trial)
        SPACES[self.space](asked)
        return dict(asked.params)

    def run_config(self, parameters: Mapping[str, object]) -> RunConfig:
        """The run that a point of the space stands for: its values laid over the fixed settings.

        Args:
            parameters: by slash path of the setting: ``method/synthesis/rate``. Under another ``method/name`` the fixed
                settings are those that this method knows too.

        Raises:
            ConfigError: a value is not one that its setting can take.
            UnknownNameError: no method is called what ``method/name`` says.
        """
        tree = {
            "dataset": None if self.dataset is None else self.dataset.model_dump(),
            "teacher": self.teacher.model_dump(),
            "student": self.student.model_dump(),
            "method": searched_method(parameters, self.method).model_dump(),
            "prior": self.prior.model_dump(),
            "vary": self.replicates.vary,
            "device": self.device,
        }
        data = overlay(tree, parameters)
        try:
            return RunConfig.model_validate(data)
        except ValidationError as error:
            raise ConfigError("\n".join(map(str, translate(error, RunConfig, data)))) from None

    @property
    def trials(self) -> int | None:
        """How many trials there may be: one where nothing is searched, None where only time ends the sweep."""
        return 1 if self.space is None else self.budget.trials

    @property
    def directions(self) -> tuple[Direction, ...]:
        """Of the objectives, in their order."""
        return tuple(objective.direction for objective in self.objectives)

    def control(self, label: str) -> Control:
        """The control of that label."""
        return next(control for control in self.controls if control.label == label)

    def control_config(self, label: str) -> RunConfig:
        """The run of a control."""
        control = self.control(label)
        return self.run_config({}).model_copy(
            update={"method": control.choice(self.method), "prior": control.prior or self.prior}
        )

    def configs_to_prepare(self) -> list[RunConfig]:
        """One run of every prior in the sweep: a control with another prior gets a reference pool of its own."""
        own = {control.prior: control.label for control in self.controls if control.prior not in (None, self.prior)}
        return [self.run_config({}), *(self.control_config(label) for label in own.values())]

    def floor_control(self) -> str | None:
        """The label of the control whose result `floor: control` means: the first lower control, if there is one."""
        from acgkd.methods import METHODS

        return next((control.label for control in self.controls if METHODS[control.name].lower_control), None)

    def files(self) -> dict[str, str]:
        """The files that it names, by slash path, each as a digest of what is in it.

        Raises:
            ConfigError: one cannot be read.
        """
        from acgkd.datasets._given.named_files import digests

        return digests(self.dataset, self.teacher)

    def fingerprint(self) -> str:
        """Sixteen hex digits over all that may not change between two starts on one folder.

        Raises:
            ConfigError: a file that it names cannot be read.
        """
        return fingerprint({**self.what_counts(), **self.files()})

    def what_counts(self) -> dict[str, object]:
        """The spec as plain values, without what may always change between two starts and where files lie."""
        parts: Mapping[str, IncEx | bool] = {
            "replicates": {"extend"},
            "sampler": {"history"},
            "controls": {"__all__": {"chosen"}},
        }
        tree = self.model_dump(mode="json", exclude={**dict.fromkeys(CHANGEABLE, True), **parts})
        # A key that a later version brought and that is not said is not there.
        return overlay(tree, {path: None for path in PLACES if path in leaves(tree)})

    def difference(self, other: "SweepSpec") -> list[str]:
        """What `other` says differently where that is not always allowed, a line for each path; files are left out."""
        return differences(leaves(self.what_counts()), leaves(other.what_counts()))


def defaults(tree: Mapping[str, object]) -> dict[str, object]:
    """A spec's tree with what follows from its other parts filled in."""
    tree = dict(tree)
    dataset, teacher, replicates = (tree.get(key) for key in ("dataset", "teacher", "replicates"))
    if tree.get("objectives") is None:
        quality = "agreement_overlap" if dataset is None else "validation_divergence"
        tree["objectives"] = [{"name": quality}, {"name": "multiply_adds"}]
    if tree.get("controls") is None:
        tree["controls"] = lower_controls(tree.get("method"), tree.get("student"))
    if isinstance(replicates, Replicates):
        return tree
    if replicates is None or (isinstance(replicates, Mapping) and "vary" not in replicates):
        vary = ["split", "teacher", "draws"]
        given = isinstance(teacher, Mapping) and teacher.get("checkpoint") is not None
        given = given or (isinstance(teacher, TeacherConfig) and teacher.checkpoint is not None)
        if given or dataset is None:
            vary = ["draws"]
        elif isinstance(dataset, Mapping) and dataset.get("split_file") is not None:
            vary = ["teacher", "draws"]
        tree["replicates"] = {**(replicates or {}), "vary": vary}
    return tree
