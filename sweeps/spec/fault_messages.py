"""What pydantic finds, said in our voice: where, which law, what was found, the nearest known key."""

import types
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, TypeGuard, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from acgkd.catalog import Catalog
from acgkd.errors import AcgkdError, Fault, nearest
from sweeps.spec.strict_yaml import FLOAT, INTEGER
from sweeps.spec.values import number, show

T = TypeVar("T")
_EXPECTED = {
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "int_parsing": "a whole number",
    "int_parsing_size": "a whole number of at most 18 digits",
    "float_type": "a number",
    "float_parsing": "a number",
    "bool_type": "`true` or `false`",
    "bool_parsing": "`true` or `false`",
    "string_type": "text",
    "dict_type": "a mapping (`key: value`)",
    "model_type": "a mapping (`key: value`)",
    "model_attributes_type": "a mapping (`key: value`)",
    "mapping_type": "a mapping (`key: value`)",
    "tuple_type": "a list",
    "list_type": "a list",
    "none_required": "nothing",
}
# How a file writes them: what stands in quotes and is one of these was meant to be it.
_NUMBERS = {"a number": FLOAT, "a whole number": INTEGER}
_SIGNS = {
    "greater_than": (">", "gt"),
    "greater_than_equal": (">=", "ge"),
    "less_than": ("<", "lt"),
    "less_than_equal": ("<=", "le"),
}


def translate(error: ValidationError, model: object, data: object, prefix: str = "") -> list[Fault]:
    """The faults behind a validation error, without lines.

    Args:
        error: raised by `model` for `data`.
        model: the config, or another annotation, that refused.
        data: what it was given, as plain values.
        prefix: slash path of `data` in the spec.
    """
    merged: dict[str, list[tuple[str | None, str]]] = {}
    for detail in error.errors(include_url=False):
        if _miscounted(detail):
            continue
        keys, known = _walk(model, data, detail["loc"], detail["type"])
        path = "/".join([prefix, *map(str, keys)]).strip("/")
        entry = _message(detail, [prefix, *keys], known)
        if entry not in merged.setdefault(path, []):
            merged[path].append(entry)
    return [Fault(path, _merge(entries)) for path, entries in merged.items()]


def unknown_key(key: str, known: Sequence[str]) -> str:
    """What to say of a key that there is not."""
    return f"Unknown key. {nearest(key, known)}Known: {', '.join(known)}."


def missing_key(model: type[BaseModel], key: str) -> str:
    """What to say of a key that must be given and is not."""
    return f"This must be given.{_described([_description([model], key)])}"


def _miscounted(detail: ErrorDetails) -> bool:
    """Pydantic counts only the valid values; the invalid ones are reported on their own."""
    value = detail["input"]
    if detail["type"] != "too_short" or not isinstance(value, list | tuple):
        return False
    return len(value) >= int(detail["ctx"]["min_length"])


def _merge(entries: Sequence[tuple[str | None, str]]) -> str:
    """One message for the members of a union that all refused; else the messages one after the other."""
    expected = [phrase for phrase, _ in entries if phrase is not None]
    if len(expected) > 1 and len(expected) == len(entries):
        found = entries[0][1].split("but got", 1)[1]
        return f"This must be {' or '.join(dict.fromkeys(expected))}, but got{found}"
    # A member that broke a law was of the right kind: what others would have been says nothing.
    laws = [message for phrase, message in entries if phrase is None]
    return " ".join(dict.fromkeys(laws or [message for _, message in entries]))


def _message(detail: ErrorDetails, keys: Sequence[str | int], known: Sequence[str]) -> tuple[str | None, str]:
    """A phrase for what was expected (for unions), and the whole message."""
    kind, value, facts = detail["type"], detail["input"], detail.get("ctx", {})
    names = [key for key in keys if isinstance(key, str) and key]
    leaf = names[-1].rpartition("/")[2] if names else "value"
    if kind == "extra_forbidden":
        return None, unknown_key(str(keys[-1]), known)
    if kind == "missing" and isinstance(keys[-1], int):
        return None, f"Value {keys[-1] + 1} of this list is missing."
    if kind == "missing":
        return None, f"This must be given.{_described(known)}"
    if kind in ("union_tag_not_found", "union_tag_invalid"):
        key = str(facts["discriminator"]).strip("'")
        found = _got(value.get(key) if isinstance(value, Mapping) else value)
        return None, f"`{key}` must be one of {', '.join(known)}, but got {found}."
    if kind in _SIGNS:
        sign, limit = _SIGNS[kind]
        return None, f"`{leaf} {sign} {number(facts[limit])}` must hold, but got {show(value)}."
    if kind in ("literal_error", "enum"):
        allowed = str(facts["expected"]).replace(" or ", ", ").replace("'", "").split(", ")
        hint = nearest(value, allowed) if isinstance(value, str) else ""
        phrase = f"one of {', '.join(allowed)}" if len(allowed) > 1 else f"`{allowed[0]}`"
        return phrase, f"This must be {phrase}, but got {_got(value)}. {hint}".strip()
    if kind in ("too_short", "too_long"):
        law = f"at least {facts['min_length']}" if kind == "too_short" else f"at most {facts['max_length']}"
        return None, f"This list takes {law} values, but got {facts['actual_length']}."
    if kind in ("value_error", "assertion_error"):
        return None, str(facts.get("error", detail["msg"]))
    if kind == "finite_number":
        return None, f"Numbers must be finite, but got {show(value)}."
    if kind in _EXPECTED:
        phrase = _EXPECTED[kind]
        return phrase, f"This must be {phrase}, but got {_got(value, phrase)}."
    return None, f"{detail['msg']}, but got {_got(value)}."


def _described(known: Sequence[str]) -> str:
    return f" {known[0]}" if known and known[0] else ""


def _got(value: object, phrase: str = "") -> str:
    """What was found, and the way out where people trip."""
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, list | tuple):
        return "a list"
    found = "nothing" if value is None else show(value)
    if phrase == "text" and value is not None:
        return f"{found}; quote it"
    if isinstance(value, str) and phrase in _NUMBERS and _NUMBERS[phrase].match(value):
        return f"the text {found}; leave the quotes out"
    if isinstance(value, float) and phrase == "a whole number" and value.is_integer():
        return f"{value!r}; write {int(value)}" if abs(value) < 1e15 else repr(value)
    if isinstance(value, str) and phrase == "`true` or `false`":
        return f"the text {found}"
    return found


def _walk(model: object, data: Any, loc: Sequence[str | int], kind: str) -> tuple[list[str | int], list[str]]:
    """The part of pydantic's location that stands in the data, and the keys known where it ends.

    Pydantic puts the names of union members between the keys; those are not in the data and are dropped.
    For a missing key, its description comes instead of the known keys.
    """
    places: list[object] = [model]
    keys: list[str | int] = []
    known: list[str] = []
    for place, key in enumerate(loc):
        models = [member for annotation in places for member in _members(annotation)]
        ends_here = place == len(loc) - 1 and kind in ("missing", "extra_forbidden")
        if ends_here or _stands_in(data, key):
            fields = [name for member in models if _is_model(member) for name in member.model_fields]
            known = [_description(models, key)] if kind == "missing" and ends_here else list(dict.fromkeys(fields))
            keys.append(key)
            places = [inner for member in models for inner in _step(member, key)] or places
            data = data[key] if _stands_in(data, key) else None
        elif isinstance(key, str):
            # The tag of a discriminated union: continue in that member alone.
            places = [member for member in models if _has_tag(member, key)] or places
    if kind.startswith("union_tag"):
        known = [tag for annotation in places for member in _members(annotation) for tag in _tags(member)]
    return keys, known


def _tags(place: object) -> tuple[str, ...]:
    return get_args(place.model_fields["type"].annotation) if _is_model(place) and "type" in place.model_fields else ()


def _stands_in(data: object, key: str | int) -> bool:
    if isinstance(data, Mapping):
        return key in data
    return isinstance(data, list | tuple) and isinstance(key, int) and key < len(data)


def _is_model(place: object) -> TypeGuard[type[BaseModel]]:
    return isinstance(place, type) and issubclass(place, BaseModel)


def _description(models: Sequence[object], key: str | int) -> str:
    for place in models:
        if _is_model(place) and key in place.model_fields:
            field = place.model_fields[str(key)]
            doc = next((member.__doc__ for member in _members(field.annotation) if _is_model(member)), None)
            return field.description or (doc or "").strip().split("\n")[0]
    return ""


def _has_tag(place: object, tag: str) -> bool:
    return _is_model(place) and any(tag in get_args(field.annotation) for field in place.model_fields.values())


def _members(annotation: object) -> Iterator[object]:
    """What an annotation may be, unions and `Annotated` taken apart."""
    origin = get_origin(annotation)
    if origin is Annotated:
        yield from _members(get_args(annotation)[0])
    elif origin in (Union, types.UnionType):
        for member in get_args(annotation):
            yield from _members(member)
    else:
        yield annotation


def _step(place: object, key: str | int) -> Iterator[object]:
    """The annotations found under one key."""
    origin, arguments = get_origin(place), get_args(place)
    if _is_model(place):
        if key in place.model_fields:
            yield place.model_fields[str(key)].annotation
    elif origin is dict and isinstance(key, str):
        yield arguments[1]
    elif origin in (tuple, list) and isinstance(key, int):
        yield arguments[min(key, len(arguments) - 1)] if arguments[-1] is not Ellipsis else arguments[0]


def known_name(catalog: Catalog[T], name: str, path: str) -> Iterator[Fault]:
    """The entry exists and can be loaded."""
    try:
        catalog[name]
    except AcgkdError as error:
        yield Fault(path, str(error))
