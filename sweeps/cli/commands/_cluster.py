"""`acgkd doctor --address`: what is said of each node of a cluster."""

import platform
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict

from acgkd.files.addresses import address_of

if TYPE_CHECKING:
    from sweeps.executors.ray.node_probe import Facts
    from sweeps.executors.ray.nodes import Node

CLOCK_S = 1.0  # a difference beyond this is worth a note
Finding = tuple[str, str]


class NodeEntry(TypedDict):
    """What is printed of a node."""

    node: str
    name: str
    address: str
    resources: dict[str, float]
    facts: "Facts | None"
    findings: list[dict[str, str]]


def look(address: str, folder: Path) -> list[NodeEntry]:
    """One entry for each node that is alive: who it is, what it said, and what is to be thought of it.

    Raises:
        SweepError: Ray cannot be reached.
    """
    from sweeps.executors.ray.nodes import ask_nodes

    nodes = ask_nodes(address, folder)
    names = [node.name for node in nodes]
    return [
        {
            "node": node.id,
            "name": node.name if names.count(node.name) == 1 else f"{node.name} {node.id[:6]}",
            "address": node.address,
            "resources": dict(node.resources),
            "facts": node.facts,
            "findings": [{"state": state, "text": text} for state, text in findings(node, folder.resolve())],
        }
        for node in nodes
    ]


def findings(node: "Node", folder: Path) -> Iterator[Finding]:
    """What is to be thought of a node: ``ok``, ``note`` or ``bad``, each with a sentence."""
    facts = node.facts
    if facts is None:
        yield "bad", f"{node.silence}; a trial that is sent there would be lost"
        return
    yield _code(facts)
    yield _versions(facts)
    yield "ok", _devices(node, facts)
    yield from _folder(facts, folder)
    yield from _clock(facts)


def _code(facts: Mapping[str, object]) -> Finding:
    from acgkd import __version__
    from acgkd.code_digest import package_digest

    if facts["code"] is None:
        return "bad", f"acgkd is not there: {facts.get('code_error', 'install it on every node')}"
    here = f"acgkd {facts['acgkd']} (code {facts['code']})"
    if (facts["acgkd"], facts["code"]) == (__version__, package_digest()):
        return "ok", f"{here}, as here"
    return "bad", f"{here}, but here it is acgkd {__version__} (code {package_digest()}): it would get no work"


def _versions(facts: Mapping[str, object]) -> Finding:
    ours = {"python": platform.python_version(), **{name: version(name) for name in ("torch", "ray")}}
    said = [
        f"{name.capitalize() if name == 'python' else name} {facts[name] or 'missing'}"
        + ("" if facts[name] == mine else f" (here {mine})")
        for name, mine in ours.items()
    ]
    state = "ok" if all(facts[name] == mine for name, mine in ours.items()) else "note"
    return "bad" if facts["torch"] is None else state, ", ".join(said)


def _devices(node: "Node", facts: Mapping[str, Any]) -> str:
    gpus = facts["gpus"]
    cores = f"{facts['cores']} cores, of which Ray uses {node.resources['CPU']:g}"
    if not gpus and not node.resources["GPU"]:
        return f"{cores}; no GPU"
    listed = ", ".join(f"{gpus.count(gpu)} x {gpu}" for gpu in dict.fromkeys(gpus)) or "of a kind not known"
    return f"{cores}; GPUs: {listed}; Ray uses {node.resources['GPU']:g}"


def _folder(facts: Mapping[str, Any], folder: Path) -> Iterator[Finding]:
    if not facts["sees_folder"]:
        yield "bad", f"does not see {folder}: make it, on a filesystem that all nodes share"
        return
    if "folder_error" in facts:
        yield "bad", f"{address_of(folder) or folder} cannot be used: {facts['folder_error']}"
        return
    wrong = [
        text
        for key, text in (("renames", "a renamed file shows its old text"), ("creates_once", "two writers both win"))
        if facts[key] is False
    ]
    tried = "rename and exclusive create work" if facts["renames"] else "not tried, since it cannot be written here"
    if facts["free_bytes"] is None:
        yield "ok", f"reaches {address_of(folder)}: of two writers of one object the first wins"
        return
    room = f"{facts['free_bytes'] / 2**30:,.0f} GiB free"
    yield ("bad" if wrong or not facts["renames"] else "ok"), f"sees {folder}: {'; '.join(wrong) or tried}; {room}"


def _clock(facts: Mapping[str, Any]) -> Iterator[Finding]:
    if "clock_s" not in facts:
        yield "note", "its clock could not be read"
        return
    ahead, error = facts["clock_s"], facts["clock_error_s"]
    text = f"clock {abs(ahead):.2f} s {'ahead of' if ahead >= 0 else 'behind'} ours (± {error:.2f} s)"
    yield ("note" if abs(ahead) - error > CLOCK_S else "ok"), text
