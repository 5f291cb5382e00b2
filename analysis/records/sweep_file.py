"""The sweep file, `sweep.json`: what a folder is of, what its trials are compared by, and what ran it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from pydantic import Field, JsonValue

from analysis.records import versioned
from analysis.records.versioned import Part

SCHEMA_VERSION = 2

Direction = Literal["maximize", "minimize"]


class Objective(Part):
    """What the search looks at."""

    name: str
    direction: Direction
    uses_real_data: bool | None = Field(default=None, description="None where it is not recorded.")

    @property
    def sign(self) -> int:
        """1 where more is better, -1 where less is."""
        return 1 if self.direction == "maximize" else -1


class Budget(Part):
    """When the sweep ends; None where the spec sets no limit."""

    trials: int | None = None
    hours: float | None = None
    deadline: str | None = Field(default=None, description="ISO 8601, with its zone.")
    patience: int | None = Field(default=None, description="Ended trials in a row without an improvement.")


class SweepFile(Part):
    """What a sweep says of itself."""

    schema_version: int = SCHEMA_VERSION
    name: str
    fingerprint: str = Field(default="", description="Hash of the settings that shape results.")
    created_at: str = Field(default="", description="UTC, ISO 8601.")
    command: str = Field(default="", description="That started it last.")
    objectives: tuple[Objective, ...] = Field(
        default=(), description="In the order of the spec; the first one chooses."
    )
    versions: dict[str, str] = Field(default_factory=dict, description="Of the packages that run it.")
    files: dict[str, str] = Field(default_factory=dict, description="Hashes of files that the spec names, by path.")
    spec: dict[str, JsonValue] = Field(default_factory=dict, description="The spec as read, defaults included.")

    @property
    def searched(self) -> bool:
        """Whether trials are points of a space; without one there is one trial, a method beside others."""
        return self.spec.get("space", "") is not None

    @property
    def budget(self) -> Budget:
        """The limits that the spec sets; without a space there is one trial."""
        section = self.spec.get("budget")
        limits = section if isinstance(section, Mapping) else {}
        trials, hours, deadline, patience = (limits.get(key) for key in ("trials", "hours", "deadline", "patience"))
        return Budget(
            trials=1 if not self.searched else trials if isinstance(trials, int) else None,
            hours=hours if isinstance(hours, int | float) else None,
            deadline=deadline if isinstance(deadline, str) else None,
            patience=patience if isinstance(patience, int) else None,
        )

    @property
    def replicates(self) -> int | None:
        """How many replicates each trial should have; None where the spec does not say."""
        section = self.spec.get("replicates")
        seeds = section.get("seeds") if isinstance(section, Mapping) else None
        return len(seeds) if isinstance(seeds, list) and seeds else None


def parse(text: str | bytes, where: Path | str) -> SweepFile:
    """The sweep file of any version up to this one; version 1 was the same without a number.

    Args:
        text: all of the file.
        where: its path, for messages.

    Raises:
        NewerVersionError: a newer version wrote it.
        DamagedFileError: it is none.
    """
    return versioned.parse(SweepFile, text, where, what="sweep", latest=SCHEMA_VERSION)
