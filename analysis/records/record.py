"""The record: one row, all that is known of one replicate (or of one teacher, or of one control).

The reader owns the row: `sweeps` writes what is defined here. Standard library and pydantic only, so that a record
can be read anywhere.
"""

import math
from typing import Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, SerializerFunctionWrapHandler, model_serializer

SCHEMA_VERSION = 1

Kind = Literal["trial", "control", "teacher"]
Outcome = Literal[
    "completed", "pruned", "diverged", "out_of_memory", "timed_out", "crashed", "lost", "interrupted", "failed"
]
Cause = Literal["trial", "machine", "cache", "node", "platform"]
OUTCOMES: tuple[str, ...] = get_args(Outcome)

Number = float | None
CostValue = bool | int | float | None


class Part(BaseModel):
    """Base of the record's parts: frozen, and closed to unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="strings", allow_inf_nan=True)


class Identity(Part):
    """Which run this was."""

    sweep: str
    kind: Kind = "trial"
    trial: int | None = Field(default=None, description="Optuna's trial number; None for teachers and controls.")
    label: str = Field(description="How tables call the row: `trial 7`, `random_graphs`, `teacher`.")
    replicate: int = Field(description="Index into the sweep's list of seeds.")
    attempt: int = 0
    seed: int
    vary: list[str] = Field(description="What the seed varied: split, teacher, draws.")
    fingerprint: str = Field(description="Hash of the settings without the seed: equal for paired replicates.")
    method: str
    dataset: str | None = None
    teacher: str
    student: str | None = None
    prior: dict[str, object] = Field(default_factory=dict)
    added: bool = Field(default=False, description="Whether its seed was added after the trial had completed.")

    @model_serializer(mode="wrap")
    def _as_before(self, write: SerializerFunctionWrapHandler) -> dict[str, object]:
        """Where no seed was added it is written as it was before any could be."""
        fields: dict[str, object] = write(self)
        return {name: value for name, value in fields.items() if name != "added" or value}


class Quality(Part):
    """How good the student (or the teacher row) is. Shares in [0, 1]; None = not measured, never 0."""

    teacher_train_accuracy: Number = None
    teacher_validation_accuracy: Number = None
    teacher_test_accuracy: Number = None
    majority_accuracy: Number = Field(default=None, description="Test accuracy of the training split's majority class.")
    validation_accuracy: Number = None
    validation_divergence: Number = Field(default=None, description="Mean KL(teacher || student) on validation, nats.")
    test_accuracy: Number = None
    test_agreement: Number = Field(
        default=None, description="Share of test samples where the student follows the teacher."
    )
    agreement: Number = Field(default=None, description="Class-balanced agreement on the data-free reference pool.")
    predicted_classes: int | None = Field(
        default=None, description="Classes the student predicts on test; 1 = collapsed."
    )
    train_size: int | None = None
    validation_size: int | None = None
    test_size: int | None = None
    validation_classes: int | None = Field(default=None, description="Classes that the validation part holds.")
    validation_smallest_class: int | None = Field(default=None, description="Samples of its rarest class; may be 0.")
    test_classes: int | None = Field(default=None, description="Classes that the test part holds.")
    test_smallest_class: int | None = Field(default=None, description="Samples of its rarest class; may be 0.")

    @model_serializer(mode="wrap")
    def _as_before(self, write: SerializerFunctionWrapHandler) -> dict[str, object]:
        """Where classes were not counted it is written as it was before they ever were."""
        fields: dict[str, object] = write(self)
        return {name: value for name, value in fields.items() if value is not None or name not in _COUNTED}


_COUNTED = frozenset({"validation_classes", "validation_smallest_class", "test_classes", "test_smallest_class"})


class Cost(Part):
    """What it took. Seconds are device-synchronised and kept across resume."""

    teacher_s: Number = None
    synthesis_s: Number = None
    transfer_s: Number = None
    joint_s: Number = None
    evaluation_s: Number = None
    lost_s: Number = Field(default=None, description="Work done, then lost to an interruption.")
    synthesis_steps: int | None = None
    transfer_steps: int | None = None
    joint_steps: int | None = None
    multiply_adds: Number = Field(default=None, description="Counted multiply-adds of synthesis + transfer (or joint).")
    candidate_edges: int | None = Field(default=None, description="Undirected candidate pairs over all pseudo-graphs.")
    kept_edges: Number = Field(default=None, description="Expected undirected edges of the learned distribution.")
    peak_host_bytes: int | None = None
    peak_device_bytes: int | None = None
    student_parameters: int | None = None
    teacher_parameters: int | None = None
    student_multiply_adds: Number = Field(default=None, description="Per test sample (or pseudo-sample), forward.")
    teacher_multiply_adds: Number = None
    student_ms_per_1000: Number = Field(default=None, description="Inference time per 1,000 samples, milliseconds.")
    teacher_ms_per_1000: Number = None
    synthesis_cached: bool = Field(
        default=False, description="Pseudo-samples came from the cache; seconds are the maker's."
    )
    teacher_cached: bool = Field(
        default=False, description="Of a teacher's row: it came from the cache; seconds are the maker's."
    )

    @model_serializer(mode="wrap")
    def _as_before(self, write: SerializerFunctionWrapHandler) -> dict[str, object]:
        """Of all but teachers from the cache it is written as it was before there was such a field."""
        fields: dict[str, object] = write(self)
        if not self.teacher_cached:
            fields.pop("teacher_cached", None)
        return fields


class Environment(Part):
    """What explains the seconds."""

    device: str
    device_name: str = ""
    threads: int = 1
    trials_alongside: int = 1
    host: str = ""
    process: int = 0
    python: str = ""
    torch: str = ""
    torch_geometric: str = ""
    acgkd: str = ""
    calibration_s: Number = Field(default=None, description="Seconds of one fixed kernel, measured beside the run.")
    started_at: str = Field(default="", description="UTC, ISO 8601.")
    finished_at: str = ""


class Code(Part):
    """Which code ran. Digests are sixteen hex digits of a SHA-256 over what is in files, wherever they lie."""

    version: str = Field(default="", description="Of acgkd.")
    package: str = Field(default="", description="Digest of the source files of acgkd, sweeps and analysis.")
    plugins: dict[str, str] = Field(
        default_factory=dict, description="Digests of what others add to the catalogues, by catalogue and file."
    )
    files: dict[str, str] = Field(
        default_factory=dict,
        description="Digests of the user's files that were loaded for what the spec names, by path below its folder.",
    )


class Record(Part):
    """One row."""

    schema_version: int = SCHEMA_VERSION
    identity: Identity
    parameters: dict[str, object] = Field(
        default_factory=dict,
        description="Searched, by slash path: `method/synthesis/rate`. None where null was chosen; no key where the "
        "parameter was inactive.",
    )
    settings: dict[str, object] = Field(default_factory=dict, description="Every hyper-parameter, by slash path.")
    outcome: Outcome
    message: str = ""
    progress: float = Field(default=0.0, ge=0, description="Share of this replicate that was done, 0 to 1.")
    objectives: dict[str, Number] = Field(default_factory=dict)
    selection: dict[str, object] = Field(
        default_factory=dict, description="Whether an objective used real data, floor, ..."
    )
    absent: list[str] = Field(
        default_factory=list, description="Inactive loss terms: those that the models give nothing to act on."
    )
    quality: Quality = Quality()
    cost: Cost = Cost()
    environment: Environment
    code: Code | None = Field(default=None, description="None where it was not recorded.")

    @model_serializer(mode="wrap")
    def _as_before(self, write: SerializerFunctionWrapHandler) -> dict[str, object]:
        """What nothing is absent from, and whose code is not known, is written as before there were such fields."""
        fields: dict[str, object] = write(self)
        if not self.absent:
            fields.pop("absent", None)
        if self.code is None:
            fields.pop("code", None)
        return fields

    def measured(self, objective: str) -> Number:
        """The value of an objective, whether or not the search looked at it; None where it was not measured."""
        if objective in self.objectives:
            return self.objectives[objective]
        if objective == "seconds":
            parts = (self.cost.synthesis_s, self.cost.transfer_s, self.cost.joint_s)
            known = [part for part in parts if part is not None]
            return sum(known) if known else None
        value: Number = getattr(self.quality, objective, getattr(self.cost, objective, None))
        return value

    def row(self) -> dict[str, object]:
        """The record as one flat mapping of column to value.

        Identity, quality, cost and environment keep their field names (no two parts share one); those of code get the
        prefix ``code_``, parameters and settings the prefixes ``param/`` and ``setting/``, objectives ``objective/``. A
        searched parameter keeps its value as it is: None is null, and one that was inactive has no key.
        """
        flat: dict[str, object] = {"schema_version": self.schema_version}
        for part in (self.identity, self.quality, self.cost, self.environment):
            for name, value in part.model_dump().items():
                flat[name] = _plain(value)
        for name in Code.model_fields:
            flat[f"code_{name}"] = None if self.code is None else _plain(getattr(self.code, name))
        flat.update({f"param/{key}": value for key, value in self.parameters.items()})
        for prefix, values in (
            ("setting/", self.settings),
            ("objective/", self.objectives),
            ("selection/", self.selection),
        ):
            flat.update({prefix + key: _plain(value) for key, value in values.items()})
        flat.update(outcome=self.outcome, message=self.message, progress=self.progress, absent=" ".join(self.absent))
        return flat


def _plain(value: object) -> object:
    """Lists and mappings become text (a column holds scalars); NaN becomes missing."""
    if isinstance(value, (list, tuple)):
        return ",".join(str(item) for item in value)
    if isinstance(value, dict):
        return ", ".join(f"{key}={list(item) if isinstance(item, tuple) else item}" for key, item in value.items())
    if isinstance(value, float) and math.isnan(value):
        return None
    return value
