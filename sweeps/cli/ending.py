"""What a start of a sweep says at its end, as a value that can be kept and said again."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from sweeps.display.tables import Excerpt, ShownColumn


@dataclass(frozen=True)
class Ending:
    """The end of a start.

    Args:
        table: the best trials.
        notes: what is to be known of them.
        selection: how the marked ones were selected.
        students: files in the sweep folder.
        failures: sentences, each for the user to look at.
        ended_by: which limit ended the sweep, in words.
        unfinished: whether the next start has something to do.
        look: whether the exit code says that something is to be looked at.
    """

    table: Excerpt
    notes: tuple[str, ...]
    selection: str
    students: tuple[str, ...]
    failures: tuple[str, ...]
    ended_by: str
    unfinished: bool
    look: bool

    def as_tree(self) -> dict[str, object]:
        """As plain values."""
        return asdict(self)

    @classmethod
    def of_tree(cls, tree: Mapping[str, Any]) -> "Ending":
        """From plain values, through JSON too.

        Raises:
            KeyError: something is missing.
            TypeError: something is of another kind.
        """
        table = dict(tree["table"])
        columns = tuple(ShownColumn(**{**column, "cells": tuple(column["cells"])}) for column in table["columns"])
        excerpt = Excerpt(**{**table, "columns": columns, "chosen": tuple(table["chosen"])})
        lists = {key: tuple(tree[key]) for key in ("notes", "students", "failures")}
        return cls(**{**tree, "table": excerpt, **lists})
