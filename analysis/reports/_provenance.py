"""Where the numbers come from: the prior, the settings, the command, the versions and the machine."""

from collections.abc import Iterable

import pandas as pd

from analysis import formatting
from analysis.page.render import Block, Code, Column, Table
from analysis.records.file_names import as_text
from analysis.statistics.codes import UNKNOWN
from analysis.statistics.view import View

_ORIGINS = {"given": "given by the spec", "measured": "measured on the data"}


def provenance(view: View) -> list[Block]:
    """Facts, the command and the spec."""
    rows, sweep = view.rows, view.metadata.sweep
    folder = view.metadata.folder
    facts: list[tuple[str, str]] = [
        ("sweep", sweep.name),
        ("folder", as_text(view.metadata.source if folder is None else folder.name)),
        ("began", sweep.created_at[:19].replace("T", " ")),
        ("data set", _listed(rows["dataset"])),
        ("teacher", _listed(rows["teacher"])),
        ("student", _listed(rows["student"])),
        ("method", _listed(rows.loc[rows["kind"] == "trial", "method"])),
        ("prior: what was known of the data", prior(view)),
        *_origins(view),
        ("seeds", _listed(rows["seed"])),
        ("what the seed varied", "; ".join(sorted({str(value).replace(",", ", ") for value in rows["vary"].dropna()}))),
    ]
    for objective in view.objectives:
        real = {True: "uses real data", False: "uses no real data", None: "use of real data not recorded"}
        facts.append((f"objective {objective.name}", f"{objective.direction}, {real[objective.uses_real_data]}"))
    for name in rows.columns:
        if name.startswith("selection/") and name.endswith("/floor") and rows[name].notna().any():
            facts.append((f"floor of {name.split('/')[1]}", _listed(rows[name])))
    for column, label in (
        ("host", "host"),
        ("device_name", "device"),
        ("device", "kind of device"),
        ("threads", "threads per trial"),
        ("trials_alongside", "trials at a time"),
    ):
        # A replicate that ended before it was measured knows only the device that was asked for.
        facts.append((label, _listed(value for value in rows[column] if value != "auto")))
    for code in view.codes.all:
        if code.text != UNKNOWN or view.codes.several:
            name = f"code {code.letter}: {code.made}" if view.codes.several else "code"
            facts.append((name, code.text))
    versions = dict(sweep.versions)
    for name in ("python", "torch", "torch_geometric", "acgkd"):
        if name not in versions:
            versions[name] = _listed(rows[name])
    facts.extend((f"version of {name}", value) for name, value in sorted(versions.items()))
    data = pd.DataFrame([(name, value or formatting.DASH) for name, value in facts], columns=["what", "value"])
    columns = (
        Column("", lambda row: str(row["what"]), numeric=False),
        Column("", lambda row: str(row["value"]), numeric=False),
    )
    blocks: list[Block] = [Table("provenance", "Setting, machine and versions", data, columns, most=80)]
    if sweep.command:
        blocks.append(Code(sweep.command, "Command"))
    if view.metadata.spec_text:
        blocks.append(Code(view.metadata.spec_text, "Spec", folded=True))
    return blocks


def prior(view: View) -> str:
    """The prior of the trials in words; a control has the same one unless its own settings say otherwise."""
    rows = view.frame.rows
    trials = rows[rows["kind"] == "trial"]
    return _listed((trials if trials["prior"].notna().any() else rows)["prior"])


def _origins(view: View) -> list[tuple[str, str]]:
    """Who says what of the prior, in each of the trials' ways; nothing where no record says it."""
    rows = view.frame.rows
    trials = rows[rows["kind"] == "trial"]
    texts = dict.fromkeys(str(text) for text in trials["prior_origins"] if formatting.known(text) and text)
    said = []
    for text in texts:
        by_origin: dict[str, list[str]] = {}
        for part in text.split(", "):
            key, _, origin = part.partition("=")
            by_origin.setdefault(_ORIGINS.get(origin, origin), []).append(key.replace("_", " "))
        said.append("; ".join(f"{origin}: {', '.join(keys)}" for origin, keys in by_origin.items()))
    return [("prior: who says it", " | ".join(said))] if said else []


def _listed(values: Iterable[object], most: int = 12) -> str:
    known = list(dict.fromkeys(str(value) for value in values if formatting.known(value) and str(value)))
    return ("; " if any("," in value for value in known) else ", ").join(known[:most]) + (
        " …" if len(known) > most else ""
    )
