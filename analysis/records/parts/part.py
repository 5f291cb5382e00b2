"""What all parts of a record share."""

from pydantic import BaseModel, ConfigDict

Number = float | None


class Part(BaseModel):
    """Base of the record's parts: frozen, and closed to unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="strings", allow_inf_nan=True)
