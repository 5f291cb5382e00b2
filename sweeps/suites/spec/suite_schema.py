"""The JSON Schema of suites, for editors."""

import json
from pathlib import Path
from typing import Any

from sweeps.spec import schema as sweep_schema
from sweeps.suites.spec.axes import GOVERNED
from sweeps.suites.spec.section import SuiteHead

FILE = Path(__file__).parents[2] / "suite.schema.json"


def schema() -> dict[str, Any]:
    """The schema of the file as people write it, short forms included."""
    sweep, head = sweep_schema.schema(), SuiteHead.model_json_schema(mode="validation")
    found = dict(sweep)
    found["title"] = "acgkd suite"
    found["description"] = "Sweeps over methods, data sets and pairs. `acgkd check` knows more laws than this can say."
    kept = {name: value for name, value in sweep["properties"].items() if name not in GOVERNED}
    found["properties"] = {**kept, "suite": head["properties"]["suite"]}
    found["required"] = ["suite"]
    definitions = {**sweep["$defs"], **head["$defs"]}
    for name in ("SuiteMethod", "SuiteDataset"):
        definitions[name]["required"] = ["name"]
    definitions["SuitePair"]["required"] = ["teacher", "student"]
    _short(definitions)
    found["$defs"] = definitions
    return found


def _short(definitions: dict[str, Any]) -> None:
    """Where a word may stand for a mapping, or for a list of one."""
    word = {"type": "string"}
    section = definitions["SuiteSection"]["properties"]
    for axis in ("methods", "datasets"):
        section[axis]["items"] = {"anyOf": [word, section[axis]["items"]]}
    pair = definitions["SuitePair"]["properties"]
    for side in ("teacher", "student"):
        pair[side] = {"anyOf": [word, pair[side]]}
    for holder in ("SuiteSection", "SuiteMethod", "SuitePair", "Exclusion"):
        fields = definitions[holder]["properties"]
        for name in ("budgets", "reference", *(("methods", "datasets", "pairs") if holder == "Exclusion" else ())):
            _or_word(fields, name)
        if holder in ("SuiteMethod", "SuitePair"):
            _or_word(fields, "datasets")


def _or_word(fields: dict[str, Any], name: str) -> None:
    if name in fields:
        said = fields[name]
        kept = {key: said[key] for key in ("description", "default", "title") if key in said}
        rest = {key: value for key, value in said.items() if key not in kept}
        fields[name] = {**kept, "anyOf": [{"type": "string"}, *(rest.get("anyOf") or [rest])]}


def text() -> str:
    """The schema as it is shipped in `sweeps/suite.schema.json`."""
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"
