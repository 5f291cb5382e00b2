"""Values of hyper-parameters and settings as cells that survive CSV and Parquet: null is a value, missing is none.

A column of numbers or of switches holds them as they are. Any other column is text, each cell as the spec would write
the value: ``4``, ``true``, ``pairs``; text that would be read as something else stands in quotes: ``"4"``, ``"true"``.
Null is ``(null)``: the bare word is what readers of CSV take for a missing cell. A missing cell always means that the
parameter was not active, or that the method has no such setting.
"""

import json
from collections.abc import Collection, Sequence
from typing import Literal

Scalar = str | bool | int | float | None
Dtype = Literal["boolean", "Int64", "float64", "string"]

NULL = "(null)"
# What pandas, R and spreadsheets take for a missing cell or a switch, in lower case.
_READ_AS_OTHER = frozenset(
    {"", "null", "none", "na", "n/a", "#n/a", "#na", "#n/a n/a", "<na>", "nan", "-nan", "1.#ind", "-1.#ind", "1.#qnan"}
    | {"-1.#qnan", "true", "false", NULL}
)


def as_text(value: object) -> str:
    """A value as a cell of a text column; `from_text` makes the value of it again."""
    if value is None:
        return NULL
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    if not isinstance(value, str):
        return json.dumps(value)
    plain = value.strip() == value and not value.startswith('"') and value.lower() not in _READ_AS_OTHER
    return value if plain and not _is_number(value) else json.dumps(value, ensure_ascii=False)


def from_text(cell: str) -> Scalar:
    """The value that `as_text` wrote."""
    if cell == NULL:
        return None
    if cell in ("true", "false"):
        return cell == "true"
    if cell.startswith('"'):
        return str(json.loads(cell))
    if not _is_number(cell):
        return cell
    try:
        return int(cell)
    except ValueError:
        return float(cell)


def shown(value: object) -> str:
    """A value, or a cell of a text column, as readers see it: as the spec would write it."""
    if isinstance(value, str):
        return "null" if value == NULL else value
    item = getattr(value, "item", None)
    if callable(item):  # a scalar of numpy's
        return shown(item())
    if isinstance(value, float):
        return f"{value:.4g}"
    return "null" if value is None else as_text(value)


def column_dtype(values: Collection[object]) -> Dtype:
    """The type of the column that holds some values, missing ones left out; None among them is null, a value."""
    if values and all(isinstance(value, bool) for value in values):
        return "boolean"
    if not values or not all(isinstance(value, int | float) and not isinstance(value, bool) for value in values):
        return "string"
    if all(isinstance(value, int) for value in values):
        return "Int64" if all(-(2**63) <= value < 2**63 for value in values if isinstance(value, int)) else "float64"
    return "float64"


def cells(values: Sequence[object], missing: Sequence[bool]) -> tuple[list[object], Dtype]:
    """A column: its cells, None where missing, and its type.

    Args:
        values: one for each row; ignored where missing.
        missing: where the parameter was not active.
    """
    dtype = column_dtype([value for value, gone in zip(values, missing, strict=True) if not gone])
    write = as_text if dtype == "string" else lambda value: value
    return [None if gone else write(value) for value, gone in zip(values, missing, strict=True)], dtype


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
