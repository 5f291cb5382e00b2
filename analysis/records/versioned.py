"""Files that carry a version: any version up to ours is read, a newer one is refused in one sentence."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, JsonValue, ValidationError

from acgkd.errors import DamagedFileError, NewerVersionError

Model = TypeVar("Model", bound=BaseModel)
Tree = dict[str, JsonValue]


class Part(BaseModel):
    """Base of what trial and sweep files hold: frozen, and closed to unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=True, ser_json_inf_nan="constants")


def parse(
    model: type[Model],
    text: str | bytes,
    where: Path | str,
    *,
    what: str,
    latest: int,
    oldest: int | None = 1,
    upgrade: Callable[[Tree, int], Tree] = lambda tree, version: tree,
) -> Model:
    """What a file holds.

    Args:
        model: what it shall become.
        text: all of the file.
        where: its path, for messages.
        what: what it is called: ``trial``.
        latest: the newest version that can be read.
        oldest: the version of a file without a number; None where every file has one.
        upgrade: makes the latest version of a tree of an earlier one, which is the second argument.

    Raises:
        NewerVersionError: a newer version wrote it.
        DamagedFileError: it is no such file.
    """
    try:
        tree = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DamagedFileError(where, what, "is not JSON (torn, or something else)") from error
    if not isinstance(tree, dict):
        raise DamagedFileError(where, what, f"holds a JSON {type(tree).__name__}")
    version = tree.get("schema_version", oldest)
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        has = f"has the `schema_version` {version!r}" if "schema_version" in tree else "has no `schema_version`"
        raise DamagedFileError(where, what, has)
    if version > latest:
        raise NewerVersionError(
            f"A {what} up to schema version {latest} can be read, but {where} has version {version}: a newer "
            "acgkd wrote it. Use that version or a later one."
        )
    try:
        return model.model_validate(upgrade(tree, version) | {"schema_version": latest})
    except ValidationError as error:
        raise DamagedFileError(where, what, f"is not valid: {_faults(error)}") from error


def _faults(error: ValidationError) -> str:
    """The first three faults in a line."""
    return "; ".join(f"{'/'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors()[:3])
