"""The record: one row, all that is known of one replicate (or of one teacher, or of one control).

The reader owns the row: `sweeps` writes what is defined here. Standard library and pydantic only, so that a record
can be read anywhere.
"""

import math
from typing import Literal, get_args

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer

from analysis.records.parts.code import Code
from analysis.records.parts.environment import Environment
from analysis.records.parts.part import Number, Part
from analysis.records.parts.quality import Quality
from analysis.records.parts.run_cost import Cost
from analysis.records.parts.run_identity import Identity

SCHEMA_VERSION = 1

Outcome = Literal[
    "completed", "pruned", "diverged", "out_of_memory", "timed_out", "crashed", "lost", "interrupted", "failed"
]
Cause = Literal["trial", "machine", "cache", "node", "platform"]
OUTCOMES: tuple[str, ...] = get_args(Outcome)
INFEASIBLE: frozenset[Outcome] = frozenset({"diverged", "out_of_memory", "timed_out", "crashed"})
"""Failures of a setting, and not of a machine or of the program: to a search a violated constraint, and where settings
are compared as good as the majority class."""


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
