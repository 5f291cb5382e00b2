"""The suite file, `suite.json`: which sweeps a suite has, and by which calibration rows take equal seconds."""

import os
from pathlib import Path
from typing import Literal

from pydantic import Field, JsonValue

from analysis.records import versioned
from analysis.records.sweep_file import Change
from analysis.records.versioned import Part

SCHEMA_VERSION = 1
NAME = "suite.json"
SWEEPS = "sweeps"


class MemberEntry(Part):
    """One sweep of a suite: a data set with a teacher and a student, by all methods that fit it."""

    name: str = Field(description="Of the sweep, and of its folder under `sweeps/`.")
    dataset: str = Field(description="Label of the data set.")
    pair: str = Field(description="Label of teacher and student.")
    reference: str = Field(description="Label of the row that is its trial.")
    rows: tuple[str, ...] = Field(description="Labels of all rows, the reference first.")
    seeds: int = Field(description="Seeds of each row.")
    trials: int = Field(default=1, description="Of its first row.")
    searches: bool = Field(default=False, description="Whether its trials are points of a space.")
    study: str = Field(default="", description="The method whose settings are perturbed in it; else empty.")

    @property
    def runs(self) -> int:
        """How many distillations it has, at most where it is a search."""
        return (len(self.rows) - 1 + self.trials) * self.seeds


class CalibratedRow(Part):
    """How many steps of a row take the seconds of the reference."""

    member: str = Field(description="Name of the sweep.")
    row: str = Field(description="Label.")
    reference: str = Field(description="Label of the reference.")
    steps: int | None = Field(
        description="Of synthesis, or of the student in a joint stage; None where there is nothing to learn."
    )
    own_steps: int | None = Field(default=None, description="What the row would take at its own budget.")
    source: Literal["measured", "given"] = Field(default="measured", description="Given: by the suite's spec.")
    stage: str = Field(default="", description="That was timed: `synthesis` or `joint`.")
    step_s: float | None = Field(default=None, description="Seconds of one step, the median of the rounds.")
    lowest_s: float | None = Field(default=None, description="Of the fastest round.")
    highest_s: float | None = Field(default=None, description="Of the slowest round.")
    target_s: float | None = Field(default=None, description="Seconds of the reference that the row is to take.")
    rounds: int | None = Field(default=None, description="How often all rows were timed in turn.")
    machine: str = Field(default="", description="On which it was measured.")
    at: str = Field(default="", description="UTC, ISO 8601.")
    key: str = Field(default="", description="Hash of the settings that were timed.")


class SuiteFile(Part):
    """What a suite says of itself."""

    schema_version: int = SCHEMA_VERSION
    name: str
    digest: str = Field(description="Hash of the spec.")
    created_at: str = Field(default="", description="UTC, ISO 8601.")
    command: str = Field(default="", description="That started it last.")
    members: tuple[MemberEntry, ...] = ()
    calibrations: tuple[CalibratedRow, ...] = ()
    failures: dict[str, str] = Field(
        default_factory=dict, description="Why a sweep could not be run to its end, by its name; of the latest start."
    )
    changes: tuple[Change, ...] = Field(default=(), description="Of the spec, between starts, oldest first.")
    spec: dict[str, JsonValue] = Field(default_factory=dict, description="The spec as read.")

    @property
    def references(self) -> dict[str, list[str]]:
        """The names of the sweeps of all methods by their reference, in order; searches stand with the first, or ''."""
        found: dict[str, list[str]] = {}
        for member in (member for member in self.members if not member.searches and not member.study):
            found.setdefault(member.reference, []).append(member.name)
        for member in (member for member in self.members if member.searches):
            found.setdefault(next(iter(found), ""), []).append(member.name)
        return found


def parse(text: str | bytes, where: Path | str) -> SuiteFile:
    """The suite file of any version up to this one.

    Args:
        text: all of the file.
        where: its path, for messages.

    Raises:
        NewerVersionError: a newer version wrote it.
        DamagedFileError: it is none.
    """
    return versioned.parse(SuiteFile, text, where, what="suite", latest=SCHEMA_VERSION)


def is_suite(folder: Path) -> bool:
    """Whether a folder is a suite's."""
    return os.path.isfile(folder / NAME)


def read_suite(folder: Path) -> SuiteFile:
    """The suite of a folder.

    Raises:
        FileNotFoundError: it is none's.
        NewerVersionError: a newer version wrote it.
        DamagedFileError: its file is damaged.
    """
    return parse((folder / NAME).read_bytes(), folder / NAME)


def sweep_folders(folder: Path) -> list[Path]:
    """The folders of a suite's sweeps that have begun, in its order.

    Raises:
        NewerVersionError: a newer version wrote the suite.
        DamagedFileError: its file is damaged.
    """
    places = [folder / SWEEPS / member.name for member in read_suite(folder).members]
    return [place for place in places if os.path.isfile(place / "sweep.json")]


def suite_folder_of(sweep: Path) -> Path | None:
    """The folder of the suite that a sweep folder is part of; None for one on its own."""
    home = sweep.parent.parent
    return home if sweep.parent.name == SWEEPS and is_suite(home) else None


def suite_of(sweep: Path) -> SuiteFile | None:
    """The suite that a sweep folder is part of; None for one on its own, or of a suite that cannot be read."""
    home = suite_folder_of(sweep)
    if home is None:
        return None
    try:
        return read_suite(home)
    except (OSError, ValueError):
        return None
