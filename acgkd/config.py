"""What a run is, as frozen values that check themselves.

Configs stop at the door: components take plain arguments, only builders see a config. Knows no torch.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal, TypeVar

from pydantic import (
    Field,
    ValidationError,
    model_validator,
)

from acgkd.errors import ConfigError
from acgkd.trees.bases import Config as Config
from acgkd.trees.bases import GrownConfig as GrownConfig
from acgkd.trees.bases import ShortConfig as ShortConfig
from acgkd.trees.bases import spelled_out as spelled_out
from acgkd.trees.slash_paths import flatten as flatten
from acgkd.trees.slash_paths import overlay as overlay

FeatureKind = Literal["categorical", "continuous", "degree", "constant"]
Vary = Literal["split", "teacher", "draws"]
# How many kinds each of several categorical columns has.
Columns = Annotated[tuple[Annotated[int, Field(ge=1)], ...], Field(min_length=1)]


C = TypeVar("C", bound=Config)


class DatasetConfig(GrownConfig, ShortConfig):
    """Which data the teacher was trained on and the student is judged by."""

    later: ClassVar[tuple[str, ...]] = ("set", "path")

    name: str = Field(description="Which data set: a name of `acgkd list datasets`.")
    set: str | None = Field(default=None, description="Of `tu`: which set of the TU collection, as in `NCI1`.")
    path: str | None = Field(
        default=None,
        description="Of `folder`: a file or folder with your graphs or images, looked for beside the spec, then in the "
        "current folder.",
    )
    root: str | None = Field(default=None, description="Read-only folder that holds the data; else $ACGKD_DATA.")
    mirror: str | None = Field(default=None, description="URL to fetch from: https, file:// or an object store.")
    split_file: str | None = Field(default=None, description="JSON with the lists `train`, `validation`, `test`.")
    fractions: tuple[float, float, float] = Field(
        default=(0.6, 0.1, 0.3),
        description="Shares of train, validation and test; stratified by class. Sets with a test part of their own "
        "take `options/validation` instead.",
    )
    options: dict[str, object] = Field(default_factory=dict, description="Options of the data set itself.")

    @property
    def title(self) -> str:
        """How people call it: ``mutag``, ``tu NCI1``, ``folder graphs.pt``."""
        which = self.set or (self.path or "").rstrip("/").rpartition("/")[2]
        return f"{self.name} {which}".strip()

    @model_validator(mode="after")
    def _fractions_sum_to_one(self) -> "DatasetConfig":
        if min(self.fractions) <= 0 or abs(sum(self.fractions) - 1) > 1e-6:
            raise ConfigError(
                f"`fractions` must be three positive shares that sum to 1, but got {list(self.fractions)}."
            )
        return self


class ModelConfig(ShortConfig):
    """A model by name: a preset, or a Python function of the user's, as `module`."""

    word: ClassVar[str] = "preset"

    # Read as `preset`, of which `module:function` is the other form: what is written names a model in one way.
    module: str | None = Field(
        default=None,
        exclude=True,
        description="In place of `preset`: a Python function that takes the prior and returns the model, as "
        "`my_models:build`. It is looked for beside the spec, then in the current folder; runs with `--trust-code` "
        "alone.",
    )

    @model_validator(mode="before")
    @classmethod
    def _by_module(cls, value: object) -> object:
        if not isinstance(value, Mapping) or value.get("module") is None:
            return value
        if value.get("preset") is not None:
            raise ConfigError("A model is named by `preset` or by `module`, but both are given. Leave one of them out.")
        if not isinstance(value["module"], str) or ":" not in value["module"]:
            raise ConfigError(f"`module` names code as `module:function`, but got {value['module']!r}.")
        return {"preset": value["module"], **{key: given for key, given in value.items() if key != "module"}}


class TeacherConfig(GrownConfig, ModelConfig):
    """The trained model: trained here on the training split, or loaded from a checkpoint."""

    later: ClassVar[tuple[str, ...]] = ("augment", "checkpoint_key")

    preset: str = Field(description="Kind and what belongs to it, as in `gin-5-64` or `lenet5-half`.")
    checkpoint: str | None = Field(default=None, description="A state dict, opened with `weights_only=True`.")
    checkpoint_key: str | None = Field(
        default=None, description="Where in a larger checkpoint the weights are: a key, or several joined by `/`."
    )
    epochs: Annotated[int, Field(ge=1)] = Field(
        default=100, description="Passes over the training split; the last weights are kept."
    )
    batch_size: Annotated[int, Field(ge=2)] = Field(default=32, description="Samples of one step of the training.")
    learning_rate: Annotated[float, Field(gt=0)] = Field(default=0.01, description="At the start; it falls to 0.")
    weight_decay: Annotated[float, Field(ge=0)] = Field(default=0.0, description="Of the optimiser.")
    augment: Literal["none", "crop_flip"] = Field(
        default="none", description="Images: cut out anywhere of a border of 4 pixels, and mirrored at random."
    )


class StudentConfig(ModelConfig):
    """The small model to be made."""

    preset: str = Field(description="Kind and what belongs to it, as in `gin-3-32` or `lenet5-half`.")


class MethodChoice(ShortConfig):
    """A method by name, with its two subtrees of settings still unread: the method itself parses them."""

    name: str = Field(description="Which method: a name of `acgkd list methods`.")
    synthesis: dict[str, object] = Field(default_factory=dict, description="How it makes pseudo-samples.")
    transfer: dict[str, object] = Field(default_factory=dict, description="How it teaches the student with them.")


class PriorConfig(GrownConfig):
    """What is known of the data without having it; what is left out comes from the data set's own entry."""

    later: ClassVar[tuple[str, ...]] = ("mean", "std", "node_columns", "edge_columns")

    nodes: tuple[int, int] | None = Field(default=None, description="Fewest and most nodes of a graph.")
    mean_degree: float | Literal["known", "unknown"] = Field(
        default="known", description="Mean degree of a node; `known` takes the data set's published figure."
    )
    features: FeatureKind | None = Field(
        default=None,
        description="A node's features: one-hot, real numbers, its degree as one-hot, or the same for all.",
    )
    feature_count: Annotated[int, Field(ge=1)] | None = Field(default=None, description="Features of a node.")
    classes: Annotated[int, Field(ge=2)] | None = Field(default=None, description="Number of classes.")
    node_columns: Columns | None = Field(
        default=None,
        description="Several categorical columns: how many kinds each has. `feature_count` is their sum.",
    )
    edge_columns: Columns | None = Field(
        default=None,
        description="Categorical edge features, where the teacher reads them: how many kinds each column has.",
    )
    shape: tuple[int, int, int] | None = Field(default=None, description="Images: channels, height, width.")
    mean: tuple[float, ...] | None = Field(
        default=None, description="Images: what the teacher's preprocessing subtracts from each channel, of 0 to 1."
    )
    std: tuple[float, ...] | None = Field(
        default=None, description="Images: what the teacher's preprocessing then divides each channel by."
    )

    @model_validator(mode="before")
    @classmethod
    def _counted(cls, value: object) -> object:
        if not isinstance(value, Mapping):
            return value
        columns = value.get("node_columns")
        if isinstance(columns, (list, tuple)) and columns and all(isinstance(kinds, int) for kinds in columns):
            return {**value, "feature_count": value.get("feature_count") or sum(columns)}
        return value

    @model_validator(mode="after")
    def _ranges(self) -> "PriorConfig":
        if self.node_columns is not None and self.feature_count != sum(self.node_columns):
            raise ConfigError(f"`feature_count` is the sum of `node_columns`, but got {self.feature_count}.")
        if self.node_columns is not None and self.features not in (None, "categorical"):
            raise ConfigError(f"`node_columns` needs `features: categorical`, but got `features: {self.features}`.")
        if self.nodes is not None and not 2 <= self.nodes[0] <= self.nodes[1]:
            raise ConfigError(f"`2 <= nodes[0] <= nodes[1]` must hold, but got {list(self.nodes)}.")
        if not isinstance(self.mean_degree, str) and self.mean_degree <= 0:
            raise ConfigError(f"`mean_degree > 0` must hold, but got {self.mean_degree}.")
        if self.std is not None and min(self.std, default=0) <= 0:
            raise ConfigError(f"Every `std > 0` must hold, but got {list(self.std)}.")
        return self


class RunConfig(Config):
    """One distillation, whole: everything but the seed."""

    dataset: DatasetConfig | None = None
    teacher: TeacherConfig
    student: StudentConfig
    method: MethodChoice
    prior: PriorConfig = PriorConfig()
    vary: tuple[Vary, ...] = ("split", "teacher", "draws")
    device: Literal["auto", "cpu", "cuda"] = "auto"

    def fingerprint(self) -> str:
        """Sixteen hex digits that name these settings: equal for the replicates of one trial."""
        return fingerprint(self.model_dump(mode="json", exclude={"device"}))


def checked(kind: type[C], value: object, what: str) -> C:
    """Reads plain data as a config.

    Args:
        kind: the config.
        value: the data.
        what: how the message calls it.

    Raises:
        ConfigError: all faults, each with its path.
    """
    try:
        return kind.model_validate(value)
    except ValidationError as error:
        faults = [(fault["msg"].removeprefix("Value error, "), fault["loc"]) for fault in error.errors()]
        listed = "; ".join(f"`{'/'.join(map(str, place))}`: {law}" if place else law for law, place in faults)
        raise ConfigError(f"The settings of {what} do not hold: {listed}") from None


def fingerprint(value: object) -> str:
    """Hashes plain data; the order of keys does not matter."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
