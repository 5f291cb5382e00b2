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

    sweep: str = Field(description="Name of the sweep.")
    kind: Kind = Field(default="trial", description="What the row is of.")
    trial: int | None = Field(default=None, description="Optuna's trial number; None for teachers and controls.")
    label: str = Field(description="How tables call the row: `trial 7`, `random_graphs`, `teacher`.")
    replicate: int = Field(description="Index into the sweep's list of seeds.")
    attempt: int = Field(default=0, description="Which try at the replicate it was.")
    seed: int = Field(description="The replicate's seed.")
    vary: list[str] = Field(description="What the seed varied: split, teacher, draws.")
    fingerprint: str = Field(description="Hash of the settings without the seed: equal for paired replicates.")
    method: str = Field(description="Its name in the catalogue.")
    dataset: str | None = Field(default=None, description="Its name in the catalogue; None without data.")
    teacher: str = Field(description="Its preset.")
    student: str | None = Field(default=None, description="Its preset; None of a teacher's row.")
    prior: dict[str, object] = Field(default_factory=dict, description="What the method knew of the data.")
    prior_origins: dict[str, str] = Field(
        default_factory=dict,
        description="Who says each part of the prior, by its key in a spec: `given` (by the spec), `published`, or "
        "`measured` (on the data).",
    )
    added: bool = Field(default=False, description="Whether its seed was added after the trial had completed.")
    lower_control: bool = Field(
        default=False, description="Whether its method makes samples and learns nothing about them: noise."
    )

    @model_serializer(mode="wrap")
    def _as_before(self, write: SerializerFunctionWrapHandler) -> dict[str, object]:
        """What is false or empty is left out, as it was before there were such fields."""
        fields: dict[str, object] = write(self)
        later = ("added", "lower_control", "prior_origins")
        return {name: value for name, value in fields.items() if name not in later or value}


class Quality(Part):
    """How good the student (or the teacher row) is. Shares in [0, 1]; None = not measured, never 0."""

    teacher_train_accuracy: Number = Field(default=None, description="Of the teacher, on the training split.")
    teacher_validation_accuracy: Number = Field(default=None, description="Of the teacher, on the validation split.")
    teacher_test_accuracy: Number = Field(default=None, description="Of the teacher, on the test split.")
    majority_accuracy: Number = Field(default=None, description="Test accuracy of the training split's majority class.")
    validation_accuracy: Number = Field(default=None, description="Of the student, on the validation split.")
    validation_divergence: Number = Field(default=None, description="Mean KL(teacher || student) on validation, nats.")
    test_accuracy: Number = Field(
        default=None, description="Of the student, on the test split; measured once, at the end."
    )
    test_agreement: Number = Field(
        default=None, description="Share of test samples where the student follows the teacher."
    )
    agreement: Number = Field(default=None, description="Class-balanced agreement on the data-free reference pool.")
    agreement_lowest: Number = Field(default=None, description="On the part of the pool where it is lowest.")
    agreement_highest: Number = Field(default=None, description="On the part of the pool where it is highest.")
    control_agreement: Number = Field(
        default=None,
        description="Agreement of a lower control's student on the same pool, where no record of its own says it.",
    )
    classes: int | None = Field(default=None, description="That the teacher tells apart.")
    pool_classes: int | None = Field(default=None, description="That the teacher says on the reference pool.")
    pool_smallest_class: int | None = Field(
        default=None, description="Samples of the class that it says there least often."
    )
    pool_confidence: Number = Field(default=None, description="The teacher's mean largest probability on the pool.")
    hit_rate: Number = Field(
        default=None,
        description="Mean over classes of the share of pseudo-samples that the teacher gives the class asked for.",
    )
    hit_rate_lowest: Number = Field(default=None, description="The same of the class where it is lowest.")
    hit_rates: list[Number] | None = Field(default=None, description="The same, class by class.")
    synthesis_confidence: Number = Field(
        default=None, description="The teacher's mean largest probability on pseudo-samples."
    )
    synthesis_classes: int | None = Field(default=None, description="That the teacher says of pseudo-samples.")
    statistics_distance: Number = Field(
        default=None,
        description="KL of what the teacher's BatchNorm layers see in pseudo-samples from their memory, over layers.",
    )
    statistics_distances: list[Number] | None = Field(default=None, description="The same, layer by layer.")
    degree_ratio: Number = Field(default=None, description="Mean degree of pseudo-graphs over the prior's.")
    size_ratio: Number = Field(
        default=None, description="Mean nodes of pseudo-graphs over the middle of the prior's range."
    )
    likeness: Number = Field(
        default=None,
        description="Mean cosine of the teacher's embeddings of two pseudo-samples of a class; 1 = all alike.",
    )
    predicted_classes: int | None = Field(
        default=None, description="Classes the student predicts on test; 1 = collapsed."
    )
    train_size: int | None = Field(default=None, description="Size of the training split.")
    validation_size: int | None = Field(default=None, description="Size of the validation split.")
    test_size: int | None = Field(default=None, description="Size of the test split.")
    validation_classes: int | None = Field(default=None, description="Classes that the validation part holds.")
    validation_smallest_class: int | None = Field(default=None, description="Samples of its rarest class; may be 0.")
    test_classes: int | None = Field(default=None, description="Classes that the test part holds.")
    test_smallest_class: int | None = Field(default=None, description="Samples of its rarest class; may be 0.")

    @model_serializer(mode="wrap")
    def _as_before(self, write: SerializerFunctionWrapHandler) -> dict[str, object]:
        """What is not known is left out, where there was no such field before."""
        fields: dict[str, object] = write(self)
        return {name: value for name, value in fields.items() if value is not None or name not in _LATER}


_COUNTED = frozenset({"validation_classes", "validation_smallest_class", "test_classes", "test_smallest_class"})
_OF_POOL = frozenset({"classes", "pool_classes", "pool_smallest_class", "pool_confidence"})
_OF_SYNTHESIS = frozenset(
    {"hit_rate", "hit_rate_lowest", "hit_rates", "synthesis_confidence", "synthesis_classes"}
    | {"statistics_distance", "statistics_distances", "degree_ratio", "size_ratio", "likeness"}
)
_LATER = _COUNTED | _OF_POOL | _OF_SYNTHESIS | {"agreement_lowest", "agreement_highest", "control_agreement"}


class Cost(Part):
    """What it took. Seconds are device-synchronised and kept across resume."""

    teacher_s: Number = Field(default=None, description="Training the teacher.")
    synthesis_s: Number = Field(default=None, description="The synthesis stage.")
    transfer_s: Number = Field(default=None, description="The transfer stage.")
    joint_s: Number = Field(
        default=None, description="The one stage of methods that synthesise and teach side by side."
    )
    evaluation_s: Number = Field(default=None, description="Evaluating the student.")
    lost_s: Number = Field(default=None, description="Work done, then lost to an interruption.")
    synthesis_steps: int | None = Field(default=None, description="Steps of the synthesis stage.")
    synthesis_restarts: int | None = Field(
        default=None, description="Further draws of a synthesis that was stuck, where there may be some."
    )
    transfer_steps: int | None = Field(default=None, description="Steps of the transfer stage.")
    taught_together: int | None = Field(
        default=None, description="Replicates that were taught together, at most; nothing where each was alone."
    )
    joint_steps: int | None = Field(default=None, description="Steps of the joint stage.")
    multiply_adds: Number = Field(default=None, description="Counted multiply-adds of synthesis + transfer (or joint).")
    candidate_edges: int | None = Field(default=None, description="Undirected candidate pairs over all pseudo-graphs.")
    kept_edges: Number = Field(default=None, description="Expected undirected edges of the learned distribution.")
    peak_host_bytes: int | None = Field(default=None, description="Largest memory of the process.")
    peak_device_bytes: int | None = Field(default=None, description="Largest memory on the CUDA device.")
    student_parameters: int | None = Field(default=None, description="Parameters of the student.")
    teacher_parameters: int | None = Field(default=None, description="Parameters of the teacher.")
    student_multiply_adds: Number = Field(default=None, description="Per test sample (or pseudo-sample), forward.")
    teacher_multiply_adds: Number = Field(default=None, description="The same of the teacher.")
    student_ms_per_1000: Number = Field(default=None, description="Inference time per 1,000 samples, milliseconds.")
    teacher_ms_per_1000: Number = Field(default=None, description="The same of the teacher.")
    synthesis_cached: bool = Field(
        default=False, description="Pseudo-samples came from the cache; seconds are the maker's."
    )
    teacher_cached: bool = Field(
        default=False, description="Of a teacher's row: it came from the cache; seconds are the maker's."
    )

    @model_serializer(mode="wrap")
    def _as_before(self, write: SerializerFunctionWrapHandler) -> dict[str, object]:
        """What says nothing is left out, as it was before there were such fields."""
        fields: dict[str, object] = write(self)
        if not self.teacher_cached:
            fields.pop("teacher_cached", None)
        for name in ("synthesis_restarts", "taught_together"):
            if fields[name] is None:
                fields.pop(name, None)
        return fields


class Environment(Part):
    """What explains the seconds."""

    device: str = Field(description="Where it ran.")
    device_name: str = Field(default="", description="What the device is.")
    threads: int = Field(default=1, description="Threads of torch.")
    trials_alongside: int = Field(default=1, description="Jobs at the same time, this one included.")
    host: str = Field(default="", description="Name of the machine.")
    process: int = Field(default=0, description="Number of the worker's process.")
    python: str = Field(default="", description="Version of Python.")
    torch: str = Field(default="", description="Version of torch.")
    torch_geometric: str = Field(default="", description="Version of torch_geometric.")
    acgkd: str = Field(default="", description="Version of acgkd.")
    calibration_s: Number = Field(default=None, description="Seconds of one fixed kernel, measured beside the run.")
    started_at: str = Field(default="", description="UTC, ISO 8601.")
    finished_at: str = Field(default="", description="UTC, ISO 8601.")


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
    outcome: Outcome = Field(description="How it ended.")
    message: str = Field(default="", description="Why it did not complete.")
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


_SCALARS = frozenset({str, int, bool, type(None)})


def _plain(value: object) -> object:
    """Lists and mappings become text (a column holds scalars); NaN becomes missing."""
    if type(value) is float:
        return None if value != value else value
    if type(value) in _SCALARS:
        return value
    if isinstance(value, (list, tuple)):
        return ",".join(str(item) for item in value)
    if isinstance(value, dict):
        return ", ".join(f"{key}={list(item) if isinstance(item, tuple) else item}" for key, item in value.items())
    if isinstance(value, float) and math.isnan(value):
        return None
    return value
