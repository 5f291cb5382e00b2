"""The JSON Schema of specs, for editors: completion and red lines while typing."""

import json
from pathlib import Path
from typing import Any

from sweeps.spec.raw import SHORT_LISTS, SHORT_SECTIONS
from sweeps.spec.sweep_spec import SweepSpec

FILE = Path(__file__).parents[1] / "spec.schema.json"

# Filled in where a spec leaves them out.
_OPTIONAL = ("name", "objectives")


def schema() -> dict[str, Any]:
    """The schema of the file as people write it, short forms included."""
    tree = SweepSpec.model_json_schema(mode="validation")
    tree["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    tree["title"] = "acgkd sweep"
    tree["description"] = (
        "A sweep over distillation settings. `acgkd check SPEC` knows more laws than this schema can say."
    )
    tree["required"] = [name for name in tree["required"] if name not in _OPTIONAL]
    for section, config in SHORT_SECTIONS.items():
        tree["properties"][section] = _or_word(tree["properties"][section], tree["$defs"], config.word)
    for section, config in SHORT_LISTS.items():
        listed = tree["properties"][section]
        listed["items"] = _or_word(listed["items"], tree["$defs"], config.word)
    tree["$defs"]["Control"]["required"].remove("label")
    for model in ("TeacherConfig", "StudentConfig"):  # one or the other names it
        tree["$defs"][model]["required"].remove("preset")
        tree["$defs"][model]["oneOf"] = [{"required": [name]} for name in ("preset", "module")]
    return tree


def _or_word(section: dict[str, Any], definitions: dict[str, Any], key: str) -> dict[str, object]:
    """A section that may also be one word: a value of the key that the word stands for."""
    kept = ("description", "default")
    described: dict[str, object] = {name: section[name] for name in kept if name in section}
    rest = {name: value for name, value in section.items() if name not in kept}
    # Before 2.9 pydantic writes a reference that has a description beside it as `allOf` with one item.
    options = next((rest[key] for key in ("anyOf", "allOf") if set(rest) == {key}), [rest])
    defined = definitions[next(option["$ref"] for option in options if "$ref" in option).rpartition("/")[2]]
    word = {name: value for name, value in defined["properties"][key].items() if name in ("type", "enum")}
    return {**described, "anyOf": [word, *options]}


def text() -> str:
    """The schema as it is shipped in `sweeps/spec.schema.json`."""
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"
