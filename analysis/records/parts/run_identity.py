"""Which run a record is of."""

from typing import Literal

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer

from analysis.records.parts.part import Part

Kind = Literal["trial", "control", "teacher"]


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
