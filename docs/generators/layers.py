"""The page of layers, from the contracts of import-linter."""

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


def contracts() -> list[dict[str, Any]]:
    """The contracts of import-linter, in the order of `pyproject.toml`."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    found: list[dict[str, Any]] = project["tool"]["importlinter"]["contracts"]
    return found


def layers_page() -> str:
    """All layers, and what packages may not import."""
    layered = [contract for contract in contracts() if contract["type"] == "layers"]
    forbidden = [contract for contract in contracts() if contract["type"] == "forbidden"]
    lines = [
        "# Layers",
        "",
        "Each row may import the rows below it and none above. Names in one row that are divided by a comma are",
        "neighbours; those divided by a bar do not import each other. Made by `python docs/generate.py` from",
        "`pyproject.toml`; `make floors` checks the code.",
        "",
    ]
    for contract in layered:
        lines += [f"## {_title(contract)}", "", *_table(contract["layers"]), ""]
    lines += ["## What may not be imported", "", "| law | who | may not import |", "|---|---|---|"]
    lines += [
        f"| {contract['name']} | {_codes(contract['source_modules'])} | {_codes(contract['forbidden_modules'])} |"
        for contract in forbidden
    ]
    return "\n".join(lines) + "\n"


def _title(contract: dict[str, Any]) -> str:
    containers = contract.get("containers")
    return f"`{containers[0]}`" if containers else "The three packages"


def _table(layers: list[str]) -> Iterator[str]:
    yield "| | from the top down |"
    yield "|--:|---|"
    for number, layer in enumerate(layers, 1):
        yield f"| {number} | {layer.replace(' : ', ', ').replace('|', '&#124;')} |"


def _codes(names: list[str]) -> str:
    shown = [f"`{name}`" for name in names[:8]]
    return ", ".join([*shown, *(["..."] if len(names) > 8 else [])])
