"""The sweep file, `sweep.json`: what a folder is of, what its trials are compared by, and what ran it."""

from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Literal

from pydantic import Field, JsonValue, SerializerFunctionWrapHandler, model_serializer

from analysis.records import versioned
from analysis.records.versioned import Part

SCHEMA_VERSION = 3

Direction = Literal["maximize", "minimize"]


def loss_signs(directions: Iterable[Direction]) -> tuple[int, ...]:
    """What turns each objective into one of which less is better: 1 or -1."""
    return tuple(1 if direction == "minimize" else -1 for direction in directions)


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
    replicates: int | None = Field(default=None, description="Replicates that trials begin, all together.")
    multiply_adds: float | None = Field(default=None, description="Counted work of all trials together.")
    hours: float | None = None
    deadline: str | None = Field(default=None, description="ISO 8601, with its zone.")
    patience: int | None = Field(default=None, description="Ended trials in a row without an improvement.")


class Change(Part):
    """A change of the spec between two starts that the folder took."""

    at: str = Field(description="UTC, ISO 8601.")
    lines: tuple[str, ...] = Field(description="One for each setting: path, what it was, what it is now.")


class Extension(Part):
    """More seeds, added after trials had completed."""

    first: int = Field(description="Index of the first seed that was added.")
    stop: int = Field(description="Index behind the last one.")
    trials: tuple[int, ...] = Field(description="Completed trials that run them too, frozen when seeds were added.")


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
    changes: tuple[Change, ...] = Field(default=(), description="Of the spec, between starts, oldest first.")
    extensions: tuple[Extension, ...] = Field(default=(), description="More seeds, oldest first.")
    accepted: tuple[str, ...] = Field(
        default=(), description="Changes of settings or of the user's code that were accepted, a line each."
    )

    code_folders: tuple[str, ...] = Field(
        default=(), description="Where the user's code was looked for by the last start; empty where none is named."
    )
    plugins: dict[str, str] = Field(
        default_factory=dict,
        description="Plug-ins of the last start: the folder of the copy under `code/plugins`, by path of the original.",
    )

    @model_serializer(mode="wrap")
    def _as_before(self, write: SerializerFunctionWrapHandler) -> dict[str, object]:
        """Where nothing was accepted, and no code named, it is written as it was before anything could be."""
        fields: dict[str, object] = write(self)
        optional = ("accepted", "code_folders", "plugins")
        return {name: value for name, value in fields.items() if value or name not in optional}

    @property
    def searched(self) -> bool:
        """Whether trials are points of a space; without one there is one trial, a method beside others."""
        return self.spec.get("space", "") is not None

    @property
    def runs_code(self) -> bool:
        """Whether the spec names Python code of the user's, so that commands that run it need `--trust-code`."""
        sections = [self.spec.get(name) for name in ("teacher", "student")]
        presets = [section.get("preset") for section in sections if isinstance(section, Mapping)]
        named = any(":" in preset for preset in presets if isinstance(preset, str))
        return named or bool(self.spec.get("plugins") or self.plugins)

    @property
    def budget(self) -> Budget:
        """The limits that the spec sets; without a space there is one trial."""
        section = self.spec.get("budget")
        limits = section if isinstance(section, Mapping) else {}
        names = ("trials", "replicates", "multiply_adds", "hours", "deadline", "patience")
        trials, replicates, work, hours, deadline, patience = (limits.get(name) for name in names)
        return Budget(
            trials=1 if not self.searched else trials if isinstance(trials, int) else None,
            replicates=replicates if isinstance(replicates, int) else None,
            multiply_adds=work if isinstance(work, int | float) else None,
            hours=hours if isinstance(hours, int | float) else None,
            deadline=deadline if isinstance(deadline, str) else None,
            patience=patience if isinstance(patience, int) else None,
        )

    @property
    def space_changed(self) -> bool:
        """Whether trials may have been suggested from another space than today's."""
        return any(line.startswith("space") for change in self.changes for line in change.lines)

    def common_replicates(self, ended: Mapping[int, Collection[int]]) -> int | None:
        """How many replicates, from the first, all trials have that completed: what tables may compare over.

        Args:
            ended: by completed trial, the replicates that have a record.

        Returns:
            All of them where no seeds were added; None where the spec does not say how many there are.
        """
        if not self.extensions or self.replicates is None:
            return self.replicates
        steps = [self.extensions[0].first, *(item.stop for item in self.extensions)]
        return max(
            (step for step in steps if all(set(range(step)) <= set(there) for there in ended.values())),
            default=steps[0],
        )

    @property
    def replicates(self) -> int | None:
        """How many replicates each trial should have; None where the spec does not say."""
        section = self.spec.get("replicates")
        seeds = section.get("seeds") if isinstance(section, Mapping) else None
        return len(seeds) if isinstance(seeds, list) and seeds else None


def parse(text: str | bytes, where: Path | str) -> SweepFile:
    """The sweep file of any version up to this one: 1 was the same without a number, 2 without changes and extensions.

    Args:
        text: all of the file.
        where: its path, for messages.

    Raises:
        NewerVersionError: a newer version wrote it.
        DamagedFileError: it is none.
    """
    return versioned.parse(SweepFile, text, where, what="sweep", latest=SCHEMA_VERSION)
