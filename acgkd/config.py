"""What a run is, as frozen values that check themselves.

Configs stop at the door: components take plain arguments, only builders see a config. Knows no torch.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, TypeVar

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    ValidationError,
    model_serializer,
    model_validator,
)

from acgkd.errors import ConfigError

FeatureKind = Literal["categorical", "continuous", "degree", "constant"]
Vary = Literal["split", "teacher", "draws"]


class Config(BaseModel):
    """Base of every config: frozen, closed to unknown keys, finite numbers only."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, validate_default=True)


class GrownConfig(Config):
    """A config that had fewer fields in the past.

    Fields in `later` are written only where they are set: what was made before they came keeps its fingerprint.
    """

    later: ClassVar[tuple[str, ...]] = ()

    @model_serializer(mode="wrap")
    def _as_before(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        written: dict[str, Any] = write(self)
        for name in self.later:
            if getattr(self, name) == type(self).model_fields[name].default:
                written.pop(name, None)
        return written


C = TypeVar("C", bound=Config)


def spelled_out(value: Any, key: str) -> Any:
    """Lets a plain word stand for a mapping with one key: ``mutag`` for ``{"name": "mutag"}``."""
    return {key: value} if isinstance(value, str) else value


class ShortConfig(Config):
    """A config for which a plain word may stand: the value of the field that `word` names."""

    word: ClassVar[str] = "name"

    @model_validator(mode="before")
    @classmethod
    def _short(cls, value: Any) -> Any:
        return spelled_out(value, cls.word)


class DatasetConfig(ShortConfig):
    """Which data the teacher was trained on and the student is judged by."""

    name: str
    root: str | None = Field(default=None, description="Read-only folder that holds the data; else $ACGKD_DATA.")
    mirror: str | None = Field(default=None, description="URL to fetch from: https, file:// or an object store.")
    split_file: str | None = Field(default=None, description="JSON with the lists `train`, `validation`, `test`.")
    fractions: tuple[float, float, float] = Field(
        default=(0.6, 0.1, 0.3),
        description="Shares of train, validation and test; stratified by class. Sets with a test part of their own "
        "take `options/validation` instead.",
    )
    options: dict[str, Any] = Field(default_factory=dict, description="Options of the data set itself.")

    @model_validator(mode="after")
    def _fractions_sum_to_one(self) -> "DatasetConfig":
        if min(self.fractions) <= 0 or abs(sum(self.fractions) - 1) > 1e-6:
            raise ConfigError(
                f"`fractions` must be three positive shares that sum to 1, but got {list(self.fractions)}."
            )
        return self


class TeacherConfig(GrownConfig, ShortConfig):
    """The trained model: trained here on the training split, or loaded from a checkpoint."""

    word: ClassVar[str] = "preset"
    later: ClassVar[tuple[str, ...]] = ("augment",)

    preset: str = Field(description="Kind and what belongs to it, as in `gin-5-64` or `lenet5-half`.")
    checkpoint: str | None = Field(default=None, description="A state dict, opened with `weights_only=True`.")
    epochs: Annotated[int, Field(ge=1)] = 100
    batch_size: Annotated[int, Field(ge=2)] = 32
    learning_rate: Annotated[float, Field(gt=0)] = 0.01
    weight_decay: Annotated[float, Field(ge=0)] = 0.0
    augment: Literal["none", "crop_flip"] = Field(
        default="none", description="Images: cut out anywhere of a border of 4 pixels, and mirrored at random."
    )


class StudentConfig(ShortConfig):
    """The small model to be made."""

    word: ClassVar[str] = "preset"

    preset: str = Field(description="Kind and what belongs to it, as in `gin-3-32` or `lenet5-half`.")


class MethodChoice(ShortConfig):
    """A method by name, with its two subtrees of settings still unread: the method itself parses them."""

    name: str
    synthesis: dict[str, Any] = Field(default_factory=dict)
    transfer: dict[str, Any] = Field(default_factory=dict)


class PriorConfig(GrownConfig):
    """What is known of the data without having it; what is left out comes from the data set's own entry."""

    later: ClassVar[tuple[str, ...]] = ("mean", "std")

    nodes: tuple[int, int] | None = Field(default=None, description="Fewest and most nodes of a graph.")
    mean_degree: float | Literal["known", "unknown"] = Field(
        default="known", description="Mean degree of a node; `known` takes the data set's published figure."
    )
    features: FeatureKind | None = None
    feature_count: Annotated[int, Field(ge=1)] | None = None
    classes: Annotated[int, Field(ge=2)] | None = None
    shape: tuple[int, int, int] | None = Field(default=None, description="Images: channels, height, width.")
    mean: tuple[float, ...] | None = Field(
        default=None, description="Images: what the teacher's preprocessing subtracts from each channel, of 0 to 1."
    )
    std: tuple[float, ...] | None = Field(
        default=None, description="Images: what the teacher's preprocessing then divides each channel by."
    )

    @model_validator(mode="after")
    def _ranges(self) -> "PriorConfig":
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


def flatten(tree: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """A tree of mappings as slash paths: ``{"a": {"b": 1}}`` becomes ``{"a/b": 1}``."""
    flat: dict[str, Any] = {}
    for key, value in tree.items():
        path = f"{prefix}/{key}" if prefix else str(key)
        if isinstance(value, Mapping) and value:
            flat.update(flatten(value, path))
        else:
            flat[path] = value
    return flat


def overlay(tree: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of `tree` with slash-path `changes` laid over it; a scalar in the way of a path is replaced."""
    result: dict[str, Any] = {
        key: overlay(value, {}) if isinstance(value, Mapping) else value for key, value in tree.items()
    }
    for path, value in changes.items():
        *parents, leaf = path.split("/")
        node = result
        for parent in parents:
            if not isinstance(node.get(parent), dict):
                node[parent] = {}
            node = node[parent]
        node[leaf] = value
    return result
