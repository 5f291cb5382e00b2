"""Markdown and numbers of templates: tables, lists in words, figures to so many places."""

import math
import re
from collections.abc import Iterable, Sequence

from analysis import formatting

_CODE = re.compile(r"(`[^`\n]*`)")
# An underscore within a word is none of Markdown's.
_MARKUP = re.compile(r"([\\*<>|\[\]]|(?<!\w)_|_(?!\w))")


def table(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A Markdown table; text in it is text, but for code between backticks."""
    lines = ["| " + " | ".join(map(cell, heads)) + " |", "|" + "---|" * len(heads)]
    lines += ["| " + " | ".join(map(cell, row)) + " |" for row in rows]
    return "\n".join(lines)


def cell(text: object) -> str:
    """Text as a cell of a table: markup in it is escaped, code between backticks stays code."""
    parts = _CODE.split(" ".join(str(text).split()))
    return "".join(part.replace("|", r"\|") if part.startswith("`") else _MARKUP.sub(r"\\\1", part) for part in parts)


def listed(words: Iterable[object], last: str = "and") -> str:
    """``a, b and c``; ``none`` of nothing."""
    found = [str(word) for word in words]
    if len(found) < 2:
        return found[0] if found else "none"
    return f"{', '.join(found[:-1])} {last} {found[-1]}"


def fixed(value: object, digits: int = 3) -> str:
    """A number to so many places, a dash where it is missing."""
    number = formatting.number(value)
    return formatting.DASH if math.isnan(number) else f"{number:.{digits}f}".replace("-", "−")
