"""The page of records: every column of a frame, with its type, unit and meaning."""

import re
from collections.abc import Iterator
from typing import Any

from analysis.records.frame import COLUMNS
from analysis.records.parts.code import Code
from analysis.records.parts.environment import Environment
from analysis.records.parts.quality import Quality
from analysis.records.parts.run_cost import Cost
from analysis.records.parts.run_identity import Identity
from analysis.records.record import OUTCOMES, Record

INTRO = """\
# Every column of the records

Made by `python docs/generate.py` from `analysis/records/parts`. `analysis.load` and the files `records.csv` and
`records.parquet` of a report have one row for each replicate of a trial or control and one for each teacher, and these
columns. What is missing was not measured; it is never 0. How the same fields are nested in the JSON of a record:
[files of a sweep](files.md#records).
"""

PREFIXED = """\
## Columns by prefix

| column | meaning |
|---|---|
| `param/PATH` | a searched parameter: `param/method/transfer/rate`. Missing where it was inactive; null is `(null)` |
| `setting/PATH` | any setting, defaults included. Missing where the method has none of that name |
| `objective/NAME` | the value of an objective as the sampler saw it |
| `selection/NAME` | whether an objective looks at real data, and its floor |
"""

_UNITS = (
    (r"^cpu_s$", "CPU seconds"),
    (r"_s$", "seconds"),
    (r"_bytes$", "bytes"),
    (r"_ms_per_1000$", "milliseconds per 1,000 samples"),
    (r"_ranking$", "-1 to 1"),
    (r"accuracy$|agreement|confidence$|^hit_rate|^progress$", "0 to 1"),
    (r"divergence$|^statistics_distance", "nats"),
    (r"_ratio$|^likeness$", "ratio"),
    (r"_restarts(_held)?$", "draws"),
    (r"_together$", "replicates"),
    (r"multiply_adds$", "multiply-adds"),
    (r"_parameters$", "parameters"),
    (r"_steps$", "steps"),
    (r"_edges$", "undirected edges"),
    (r"_memory$", "layers"),
    (r"classes$", "classes"),
    (r"_size$|_smallest_class$", "samples"),
    (r"_at$", "UTC, ISO 8601"),
    (r"^threads$", "threads"),
    (r"^trials_alongside$", "jobs"),
)
# Numbers that name something and measure nothing.
_NAMES = {"trial", "replicate", "attempt", "seed", "process", "schema_version"}
_TYPES = {"Int64": "whole number", "float64": "number", "boolean": "true, false", "string": "text"}
_OWN = {
    "source": "The sweep that the row was read from.",
    "file": "The file that it was read from.",
    "schema_version": "Version of the record's layout.",
    "outcome": "How it ended: " + ", ".join(f"`{outcome}`" for outcome in OUTCOMES) + ".",
    "message": "Why it did not complete.",
}
_PARTS = {"Identity": Identity, "Quality": Quality, "Cost": Cost, "Environment": Environment}


def records_page() -> str:
    """Every column of a frame."""
    lines = [INTRO]
    left = dict(COLUMNS)
    for title, model in _PARTS.items():
        lines += [f"## {title}", "", *_table(list(model.model_fields), model.model_fields, left), ""]
    coded = {f"code_{name}": field for name, field in Code.model_fields.items()}
    lines += ["## Code", "", *_table(list(coded), coded, left), ""]
    lines += ["## The row as a whole", "", *_table(list(left), Record.model_fields, left), "", PREFIXED]
    return "\n".join(lines)


def _table(names: list[str], fields: Any, left: dict[str, str]) -> Iterator[str]:
    yield from ("| column | type | unit | meaning |", "|---|---|---|---|")
    for name in names:
        meaning = _OWN.get(name) or (fields[name].description if name in fields else None)
        kind = left.pop(name)
        unit = next((unit for pattern, unit in _UNITS if re.search(pattern, name)), "")
        if not meaning or (not unit and kind in ("Int64", "float64") and name not in _NAMES):
            raise ValueError(f"The column `{name}` needs a meaning and a unit.")
        meaning = re.sub(r"\bNone\b", "missing", meaning).replace("|", "&#124;")
        yield f"| `{name}` | {_TYPES[kind]} | {unit} | {meaning} |"
