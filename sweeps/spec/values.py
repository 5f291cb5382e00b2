"""Values as they are written: shown that way, compared that way, and steps of a range in the decimals of its ends.

Binary arithmetic makes ``0.1 + 2 * 0.1`` to 0.30000000000000004; who writes 0.3 means the number that is written 0.3.
"""

import math
import re
import sys
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from functools import lru_cache
from pathlib import PurePath
from typing import Annotated, overload

from pydantic import BaseModel, BeforeValidator, JsonValue, WithJsonSchema

from acgkd.errors import Fault
from sweeps.spec.strict_yaml import DEPTH_LIMIT, DIGIT_LIMIT

# What a parameter of a space can be.
Scalar = str | bool | int | float | None
# Optuna looks for a value among steps by binary arithmetic, and takes what is off by less than this share of a step.
_OPTUNA_SLACK = 1e-8
_LONGEST = 60
# As YAML writes them.
_NOT_FINITE = {"inf": ".inf", "-inf": "-.inf", "nan": ".nan"}
_WORDS = re.compile(r"[A-Za-z_][\w./+-]*( [\w./+-]+)*")


def number(value: float) -> str:
    """A number as people write it: 2147483648, 0.3, 1e-5; no digit is lost."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return re.sub(r"e([-+])0*", lambda sign: f"e{sign[1]}".removesuffix("+"), repr(value))


def show(value: object) -> str:
    """A value as one would write it in a spec, text in quotes."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    text = f"'{value}'" if isinstance(value, str) else number(value) if isinstance(value, int | float) else str(value)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 4] + "..."


def not_text(text: str) -> str:
    """What is wrong with text that no name, path or word can hold; empty where nothing is."""
    for character in text:
        kind = unicodedata.category(character)
        if kind == "Cs":
            return f"Text must be Unicode, but `\\u{ord(character):04x}` is half a character."
        if kind == "Cc":
            return f"Text must be printable, but `\\x{ord(character):02x}` is a control character."
    return ""


def plain_word(value: object) -> str:
    """As `show`, but text without quotes wherever it can only be text."""
    plain = isinstance(value, str) and _WORDS.fullmatch(value) and value.lower() not in ("null", "true", "false")
    return str(value) if plain else show(value)


def same(one: object, other: object) -> bool:
    """Whether two values are written alike: `true` is not 1, though Python has them equal; 4 is 4.0."""
    return isinstance(one, bool) == isinstance(other, bool) and bool(one == other)


@lru_cache(maxsize=256)
def exactly(value: float) -> Fraction:
    """The decimal number that a value is written as."""
    return Fraction(repr(value))


def on_step(value: float, low: float, step: float) -> float:
    """The step of a range that is nearest to `value`, as it would be written.

    Args:
        value: finite.
        low: where the steps begin.
        step: above 0.
    """
    start, width = exactly(float(low)), exactly(float(step))
    return float(start + round((Fraction(value) - start) / width) * width)


def is_on_step(value: float, low: float, step: float) -> bool:
    """Whether `value` is one of the steps, up to what binary arithmetic does to it."""
    return abs(on_step(value, low, step) - value) <= max(1e-6 * step, 4 * math.ulp(value))


@dataclass(frozen=True)
class Steps(Sequence[float]):
    """The values of a stepped range: as many as there are, of which none is kept.

    Args:
        low: the first.
        high: the end; the last value is not above it.
        step: above 0.
    """

    low: float
    high: float
    step: float

    @property
    def size(self) -> int:
        """How many there are; `len` says no more than the machine can index."""
        steps = (exactly(float(self.high)) - exactly(float(self.low))) / exactly(float(self.step))
        return math.floor(steps + Fraction(1, 1_000_000)) + 1

    def __len__(self) -> int:
        return min(self.size, sys.maxsize)

    @overload
    def __getitem__(self, index: int) -> float: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[float]: ...

    def __getitem__(self, index: int | slice) -> float | Sequence[float]:
        if isinstance(index, slice):
            return [self[place] for place in range(*index.indices(len(self)))]
        place = index + self.size if index < 0 else index
        if not 0 <= place < self.size:
            raise IndexError(f"`0 <= index < {self.size}` must hold, but got {index}.")
        return float(exactly(float(self.low)) + place * exactly(float(self.step)))

    def __iter__(self) -> Iterator[float]:
        return (self[place] for place in range(len(self)))

    def __contains__(self, value: object) -> bool:
        return isinstance(value, int | float) and self.low <= value <= self[-1] and value == self.near(value)

    @property
    def coarse(self) -> bool:
        """Whether binary arithmetic can tell the steps apart as surely as Optuna wants."""
        return 4 * math.ulp(max(abs(self.low), abs(self.high))) <= _OPTUNA_SLACK * self.step

    def near(self, value: float) -> float:
        """The value that is nearest to a number."""
        return min(max(on_step(value, self.low, self.step), self.low), self[-1])


@overload
def plain(value: Mapping[str, object], path: str = "") -> tuple[dict[str, JsonValue], list[Fault]]: ...


@overload
def plain(value: object, path: str = "") -> tuple[JsonValue, list[Fault]]: ...


def plain(value: object, path: str = "") -> tuple[JsonValue, list[Fault]]:
    """A value as a file would have it, and what no file could say; such values are None.

    Args:
        value: mappings, sequences, text, numbers, booleans, None; paths, dates, numpy's numbers and arrays, and
            configs of this project too.
        path: where it stands, as a slash path.
    """
    faults: list[Fault] = []
    return _plain(value, path, 1, faults), faults


def _plain(value: object, path: str, depth: int, faults: list[Fault]) -> JsonValue:
    if isinstance(value, BaseModel):
        value = value.model_dump(mode="json")
    elif hasattr(value, "tolist"):  # numpy's numbers and arrays, known without importing it
        value = value.tolist()
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, str | PurePath):
        text = str.__str__(value) if isinstance(value, str) else str(value)  # of an enumeration of texts, the text
        wrong = not_text(text)
        if wrong:
            faults.append(Fault(path, wrong))
        return None if wrong else text
    if isinstance(value, int | float):
        return _number(value, path, faults)
    if depth > DEPTH_LIMIT:
        faults.append(Fault(path, f"Values may be nested {DEPTH_LIMIT} levels deep, but here is one more."))
        return None
    if isinstance(value, Mapping):
        return _mapping(value, path, depth, faults)
    if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray):
        return [_plain(item, _below(path, number), depth + 1, faults) for number, item in enumerate(value)]
    way_out = " Give a list, which has an order." if isinstance(value, Set) else ""
    kinds = "a mapping, a list, text, a number, a boolean or None"
    faults.append(Fault(path, f"This must be {kinds}, but got {type(value).__name__}.{way_out}"))
    return None


def _number(value: float, path: str, faults: list[Fault]) -> JsonValue:
    if isinstance(value, float):
        if not math.isfinite(value):
            faults.append(Fault(path, f"Numbers must be finite, but got {_NOT_FINITE[str(value)]}."))
            return None
        return float(value)
    digits = len(str(abs(value))) if abs(value) < 10**100 else 100
    if digits > DIGIT_LIMIT:
        more = "more than 99" if digits == 100 else digits
        faults.append(Fault(path, f"Whole numbers have at most {DIGIT_LIMIT} digits, but here are {more}."))
        return None
    return int(value)


def _mapping(value: Mapping[object, object], path: str, depth: int, faults: list[Fault]) -> dict[str, JsonValue]:
    result: dict[str, JsonValue] = {}
    for key, item in value.items():
        if not isinstance(key, str) or not key:
            found = show(key) if isinstance(key, str | int | float | bool) else type(key).__name__
            faults.append(Fault(path, f"A key must be a word, but got {found}."))
            continue
        if not_text(key):
            faults.append(Fault(path, f"A key must be a word. {not_text(key)}"))
            continue
        result[str(key)] = _plain(item, _below(path, key), depth + 1, faults)
    return result


def _below(path: str, key: object) -> str:
    return f"{path}/{key}".lstrip("/")


def leaves(tree: object, path: str = "") -> dict[str, object]:
    """Plain values by slash path; entries of a list by their place in it, where they are no single values."""
    if isinstance(tree, Mapping) and tree:
        pairs: Iterable[tuple[object, object]] = tree.items()
    elif isinstance(tree, list | tuple) and any(isinstance(item, Mapping) for item in tree):
        pairs = enumerate(tree)
    else:
        return {path: tree}
    return {name: leaf for key, value in pairs for name, leaf in leaves(value, f"{path}/{key}".strip("/")).items()}


def differences(mine: Mapping[str, object], theirs: Mapping[str, object]) -> list[str]:
    """One line for each path at which two flat trees differ."""
    lines = []
    for path in list(dict.fromkeys([*mine, *theirs])):
        here, there = (plain_word(tree[path]) if path in tree else "(not set)" for tree in (mine, theirs))
        if here != there:
            lines.append(f"{path}: {here} is now {there}")
    return lines


def _listed(value: object) -> object:
    return (value,) if isinstance(value, str) else value


Plugins = Annotated[
    tuple[str, ...],
    BeforeValidator(_listed),
    WithJsonSchema({"anyOf": [{"type": "array", "items": {"type": "string"}}, {"type": "string"}]}),
]
