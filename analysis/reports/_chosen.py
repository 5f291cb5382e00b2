"""The chosen trial, replicate by replicate, with its loss curves."""

from acgkd.errors import NothingToShowError
from analysis import formatting
from analysis.figures.canvas import picture
from analysis.figures.loss_curves import curve_sentence, curves_of, paint_curves, stages_of
from analysis.page.render import Block, Column, Note, Table
from analysis.statistics.view import View


def chosen_trial(view: View) -> list[Block]:
    """Its table and its curves; nothing where no trial is chosen."""
    number = view.choice.trial
    if number is None:
        return []
    name, which = f"trial {number}", "the chosen trial"
    if not view.searched:
        name = which = str(view.trials["method"].iloc[0])
    rows = view.rows
    rows = rows[(rows["kind"] == "trial") & (rows["trial"] == number)].sort_values("replicate").reset_index(drop=True)
    kept = ["replicate", "seed", "outcome", "attempt", "test_accuracy", "teacher_test_accuracy", "majority_accuracy"]
    kept += [
        "message",
        "ratio",
        "test_agreement",
        "predicted_classes",
        "seconds",
        "cpu_s",
        "kept_edges",
        "candidate_edges",
        "train_size",
    ]
    kept += ["validation_size", "test_size", "peak_host_bytes", "peak_device_bytes"]
    columns = [
        Column("replicate", lambda row: formatting.whole(row["replicate"])),
        Column("seed", lambda row: str(row["seed"])),
        Column("student", lambda row: formatting.share(row["test_accuracy"])),
        Column("teacher", lambda row: formatting.share(row["teacher_test_accuracy"])),
        Column("majority class", lambda row: formatting.share(row["majority_accuracy"])),
        Column("agreement on test", lambda row: formatting.share(row["test_agreement"])),
        Column("classes predicted", lambda row: formatting.whole(row["predicted_classes"])),
        Column("synthesis + transfer", lambda row: formatting.seconds(row["seconds"])),
        *([Column("CPU", lambda row: formatting.seconds(row["cpu_s"]))] if rows["cpu_s"].notna().any() else []),
        Column("peak host memory", lambda row: f"{formatting.count(row['peak_host_bytes'])}B".replace("–B", "–")),
    ]
    if rows["kept_edges"].notna().any():
        columns.insert(
            8,
            Column(
                "edges kept / candidates",
                lambda r: f"{formatting.count(r['kept_edges'])} / {formatting.count(r['candidate_edges'])}",
            ),
        )
    sizes = rows[["train_size", "validation_size", "test_size"]].dropna().drop_duplicates()
    note = "Columns 3 to 5 are test accuracies of the same split."
    if len(sizes) == 1:
        train, validation, test = (int(value) for value in sizes.iloc[0])
        note += f" Training, validation and test parts hold {train}, {validation} and {test} samples."
    blocks: list[Block] = [
        Table("chosen-replicates", f"Replicates of {name}", rows[kept], tuple(columns), note, most=60)
    ]
    blocks.append(_curves(view, number, name, which))
    return blocks


def _curves(view: View, number: int, name: str, which: str) -> Block:
    try:
        found = curves_of(view, number)
    except NothingToShowError:
        return Note(f"No loss curves of {which} were kept.")
    subject = name.capitalize() if view.searched else name
    several = len(stages_of(found)) > 1
    caption = (
        f"{subject}; stages have losses of their own, which are not comparable with each other."
        if several
        else subject + "."
    )
    return picture("loss-curves", f"Loss curves of {which}", caption, paint_curves(found), curve_sentence(found))
