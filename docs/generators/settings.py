"""Settings as tables: path, type, default, range and meaning of every field of a config, all the way down."""

import inspect
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo

HEAD = ("| key | type | default | range | meaning |", "|---|---|---|---|---|")
_LIMITS = (("minimum", "≥"), ("exclusiveMinimum", ">"), ("maximum", "≤"), ("exclusiveMaximum", "<"))
_WORDS = {"string": "text", "integer": "whole number", "number": "number", "boolean": "`true`, `false`", "null": "null"}


class SettingRow(NamedTuple):
    """One key of a spec."""

    path: str
    type: str
    default: str
    range: str
    meaning: str

    def row(self) -> str:
        """As a line of a table."""
        cells = (f"`{self.path}`", self.type, self.default, self.range, self.meaning)
        return "| " + " | ".join(cell.replace("|", "&#124;") for cell in cells) + " |"


def settings_of(
    model: type[BaseModel],
    prefix: str = "",
    skip: tuple[str, ...] = (),
    schema: Mapping[str, Any] | None = None,
) -> Iterator[SettingRow]:
    """Every field of a config; a field that is a config itself is spelled out in its place.

    Args:
        model: the config.
        prefix: put before each key, with its slash: ``method/``.
        skip: keys, without the prefix, that are described elsewhere.
        schema: of the config, where it says more than the model's own: short forms.
    """
    schema = schema or model.model_json_schema(mode="validation")
    for name, field in model.model_fields.items():
        if name in skip:
            continue
        nested = nested_config(field)
        if nested is not None:
            yield from settings_of(nested, f"{prefix}{name}/")
            continue
        described = _resolved(schema["properties"][name], schema.get("$defs", {}))
        yield SettingRow(
            prefix + name, kind_of(described), _default(field), ", ".join(_limits(described)), _meaning(model, name)
        )


def nested_config(field: FieldInfo) -> type[BaseModel] | None:
    """The config that a field holds, also where it may be left out; None for plain values."""
    candidates = (field.annotation, *get_args(field.annotation))
    return next((one for one in candidates if inspect.isclass(one) and issubclass(one, BaseModel)), None)


def kind_of(schema: Mapping[str, Any]) -> str:
    """A JSON type in words."""
    if "const" in schema:
        return f"`{schema['const']}`"
    if "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema["enum"])
    options = schema.get("anyOf") or schema.get("oneOf")
    if options:
        return " or ".join(dict.fromkeys(kind_of(option) for option in options))
    if schema.get("type") == "array":
        parts = schema.get("prefixItems")
        return f"[{', '.join(kind_of(part) for part in parts)}]" if parts else f"list of {kind_of(schema['items'])}"
    if schema.get("type") == "object" or "properties" in schema:
        return "mapping"
    return _WORDS[schema["type"]]


def _limits(schema: Mapping[str, Any]) -> Iterator[str]:
    for key, sign in _LIMITS:
        if key in schema:
            yield f"{sign} {_plain(schema[key])}"
    if "multipleOf" in schema:
        yield f"a multiple of {schema['multipleOf']}"
    if schema.get("type") == "array" and "prefixItems" not in schema:
        yield from (f"each {limit}" for limit in _limits(schema["items"]))
        if "maxItems" in schema:
            yield f"{schema.get('minItems', 0)} to {schema['maxItems']} of them"
    for option in schema.get("anyOf", ()):
        yield from _limits(option)


def _resolved(schema: Any, definitions: Mapping[str, Any]) -> Any:
    if isinstance(schema, list):
        return [_resolved(part, definitions) for part in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return _resolved(definitions[schema["$ref"].rpartition("/")[2]], definitions)
    return {key: _resolved(value, definitions) for key, value in schema.items() if key not in ("default", "$defs")}


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True)
    return f"`{_plain(value)}`"


def _plain(value: object) -> str:
    if isinstance(value, float) and not isinstance(value, bool):
        return f"{value:g}"
    if isinstance(value, str):
        return value
    return json.dumps(value, default=str)


def _meaning(model: type[BaseModel], name: str) -> str:
    said = model.model_fields[name].description or ""
    if not said:
        said = next((found for kind in model.__mro__ if (found := _arguments(kind).get(name))), "")
    if not said:
        raise ValueError(f"{model.__module__}.{model.__qualname__}: the field `{name}` needs a description.")
    text = re.sub(r"\bNone\b", "`null`", said[0].upper() + said[1:] if said[0].isascii() else said)
    return text if text.endswith(".") else text + "."


def _arguments(kind: type) -> dict[str, str]:
    """What the docstring of a class says under `Args`, by name."""
    section = re.search(r"^Args:\n(.*?)(?=^\S|\Z)", inspect.cleandoc(kind.__doc__ or ""), re.MULTILINE | re.DOTALL)
    if section is None:
        return {}
    found: dict[str, str] = {}
    for entry in re.split(r"\n(?=    \S)", "\n" + section[1].rstrip()):
        name, _, text = entry.strip().partition(":")
        found[name] = " ".join(text.split())
    return found
