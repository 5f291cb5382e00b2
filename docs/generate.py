"""Writes the parts of the documentation that follow from the code: the diagrams of layers and of a trial's states.

`python docs/generate.py` rewrites them; a test holds the pages to what this would write.
"""

import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))


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
        "Each box may import the boxes below it and none above. Names in one box are neighbours; those divided by",
        "a bar do not import each other. Made by `python docs/generate.py` from `pyproject.toml`; `make floors` checks",
        "the code.",
        "",
    ]
    for contract in layered:
        lines += [f"## {_title(contract)}", "", *_diagram(contract["layers"]), ""]
    lines += ["## What may not be imported", "", "| law | who | may not import |", "|---|---|---|"]
    lines += [
        f"| {contract['name']} | {_codes(contract['source_modules'])} | {_codes(contract['forbidden_modules'])} |"
        for contract in forbidden
    ]
    return "\n".join(lines) + "\n"


def _title(contract: dict[str, Any]) -> str:
    containers = contract.get("containers")
    return f"`{containers[0]}`" if containers else "The three packages"


def _diagram(layers: list[str]) -> Iterator[str]:
    yield "```mermaid"
    yield "flowchart TB"
    for number, layer in enumerate(layers):
        yield f'    L{number}["{layer.replace(" : ", ", ")}"]'
    yield "    " + " --> ".join(f"L{number}" for number in range(len(layers)))
    yield "```"


def _codes(names: list[str]) -> str:
    shown = [f"`{name}`" for name in names[:8]]
    return ", ".join([*shown, *(["..."] if len(names) > 8 else [])])


def trial_states_page() -> str:
    """The state machine of a trial."""
    from sweeps.engine.trials.trial_states import TRANSITIONS

    lines = [
        "# A trial's life",
        "",
        "Every change of a trial's state is one of these transitions, made in",
        "`sweeps/engine/trials/trial_states.py` and tested one by one. Made by `python docs/generate.py`.",
        "",
        "```mermaid",
        "stateDiagram-v2",
    ]
    for transition in TRANSITIONS:
        source = transition.source or "[*]"
        lines += [f"    {source} --> {target}: {transition.event}" for target in transition.targets]
    finals = list(dict.fromkeys(target for t in TRANSITIONS if t.event == "ended" for target in t.targets))
    lines += [*(f"    {state} --> [*]" for state in finals), "```", ""]
    lines += ["| event | before | after | caused by | what else changes |", "|---|---|---|---|---|"]
    for t in TRANSITIONS:
        lines.append(f"| {t.event} | {t.source or ''} | {', '.join(t.targets)} | {t.actor} | {t.effect} |")
    lines += [
        "",
        "* **completed**: every replicate completed; the sampler sees the mean of each objective.",
        "* **pruned**: early stopping ended it; the sampler sees that, and no value.",
        "* **infeasible**: a replicate diverged, ran out of memory or time, or crashed its process; the sampler",
        "  sees the share of such replicates.",
        "* **failed**: a replicate raised an error of its own.",
        "* **waiting**: no worker has it now. A restart, a stop, a lost worker and a fault of a machine lead here; it",
        "  is retried under its number. So does `acgkd retry`, and a record that is gone.",
    ]
    return "\n".join(lines) + "\n"


PAGES = {"layers.md": layers_page, "trial-states.md": trial_states_page}


def main() -> None:
    """Writes all pages."""
    for name, page in PAGES.items():
        (ROOT / "docs" / name).write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
