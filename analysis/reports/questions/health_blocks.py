"""How healthy the syntheses were, of the chosen trial and of every control."""

import math

import pandas as pd

from analysis import formatting
from analysis.page.blocks import Block, Column, Table
from analysis.statistics.view import View

_FACTS = ("hit_rate", "synthesis_confidence", "statistics_distance", "degree_ratio", "likeness")


def health_blocks(view: View) -> list[Block]:
    """The table; nothing where no record says anything of it."""
    rows = view.rows[(view.rows["outcome"] == "completed") & (view.rows["kind"] != "teacher")]
    number = view.choice.trial
    rows = rows[(rows["kind"] == "control") | ((rows["trial"] == number) if number is not None else False)]
    rows = rows[rows["synthesis_confidence"].notna()]
    if rows.empty:
        return []
    stuck = {(row["kind"], row["label"]): row["stuck"] for _, row in _summaries(view).iterrows()}
    found = []
    for (kind, label), group in rows.groupby(["kind", "label"], sort=False):
        entry: dict[str, object] = {"label": label if kind == "control" or view.searched else group["method"].iloc[0]}
        entry |= {name: group[name].astype("float64").mean() for name in _FACTS}
        entry |= {"hit_rate_lowest": group["hit_rate_lowest"].astype("float64").min(), "restarts": _restarts(group)}
        found.append({**entry, "stuck": stuck.get((kind, label), 0), "completed": len(group)})
    columns = (
        Column("", lambda row: str(row["label"]), numeric=False),
        Column("stuck", lambda row: f"{int(row['stuck'])} of {row['completed']}"),
        Column("hit rate", lambda row: formatting.share(row["hit_rate"])),
        Column("lowest class", lambda row: formatting.share(row["hit_rate_lowest"])),
        Column("confidence", lambda row: formatting.share(row["synthesis_confidence"])),
        Column("statistics, nats", lambda row: formatting.share(row["statistics_distance"])),
        Column("degree / prior", lambda row: formatting.share(row["degree_ratio"])),
        Column("likeness", lambda row: formatting.share(row["likeness"])),
        *((Column("restarts", lambda row: formatting.share(row["restarts"])),) if _any(found, "restarts") else ()),
    )
    note = (
        "No data were looked at. Hit rate: share of pseudo-samples that the teacher gives the class they were made "
        "for, mean over classes and replicates; lowest class: of any replicate. Confidence: the teacher's mean largest "
        "probability. Statistics: KL of what its BatchNorm layers saw from their memory. Likeness: mean cosine of two "
        "embeddings of one class, 1 where all samples are alike."
    )
    return [Table("health", "Health of the synthesis", pd.DataFrame(found), columns, note, most=60)]


def _summaries(view: View) -> pd.DataFrame:
    parts = [part[["kind", "label", "stuck"]] for part in (view.trials, view.controls) if len(part)]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=["kind", "label", "stuck"])


def _restarts(group: pd.DataFrame) -> float:
    known = group["synthesis_restarts"].dropna()
    return float(known.astype("float64").mean()) if len(known) else math.nan


def _any(found: list[dict[str, object]], name: str) -> bool:
    return any(formatting.known(entry[name]) for entry in found)
