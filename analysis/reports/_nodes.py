"""Which node did what, where a sweep has run on several."""

import pandas as pd

from analysis import formatting
from analysis.page.render import Block, Column, Table
from analysis.statistics.view import View


def nodes(view: View) -> list[Block]:
    """A row for each node; nothing where no more than one was seen."""
    accounts = view.metadata.nodes
    if len(accounts) < 2:
        return []
    data = pd.DataFrame([node.to_json() for node in accounts])
    columns = (
        Column("node", lambda row: str(row["name"]), numeric=False),
        Column("address", lambda row: str(row["address"]), numeric=False),
        Column("state", lambda row: str(row["state"]), numeric=False),
        Column("done", lambda row: formatting.whole(row["jobs"])),
        Column("at work", lambda row: formatting.seconds(row["seconds"])),
        Column("lost work", lambda row: formatting.seconds(row["lost_s"])),
        Column("why", lambda row: str(row["why"])[:300], numeric=False),
    )
    note = (
        "Over all starts. Done: replicates, teachers and controls that ended there. At work: the time in which its "
        "workers had something to do. Lost work was done again, there or elsewhere."
    )
    return [Table("nodes", "Nodes", data, columns, note, most=60)]
