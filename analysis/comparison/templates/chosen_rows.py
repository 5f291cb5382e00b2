"""What was chosen and how it was run, for templates: by searches, among rows tried beforehand, and the protocol."""

from analysis import formatting
from analysis.comparison.templates.comparison_part import Part
from analysis.comparison.trial_rows import TrialRow
from analysis.statistics.view import views


def chosen(part: Part) -> list[dict[str, object]]:
    """What each search of a part chose: ``source``, ``method``, ``trial``, ``value``, ``among``, ``settings``."""
    found = []
    for view in views(part.comparison.frame):
        if view.choice.trial is None or view.choice.objective is None or not view.frame.parameters():
            continue
        row = view.trials[view.trials["trial"] == view.choice.trial].iloc[0].to_dict()
        settings = {
            str(name).removeprefix("param/method/"): row[name]
            for name in view.frame.parameters()
            if formatting.known(row[name])
        }
        found.append(
            {
                "source": view.metadata.source,
                "method": str(row["method"]),
                "dataset": str(row["dataset"]),
                "trial": view.choice.trial,
                "value": row[f"objective/{view.choice.objective.name}"],
                "among": view.choice.among,
                "settings": settings,
            }
        )
    return found


def top(part: Part, method: str, column: str | None = None) -> str:
    """The label of a method's row with the highest mean validation accuracy; a run that failed adds nothing to it."""
    cells = [cell for panel in part.comparison.panels for name, cell in panel.cells.items() if column in (None, name)]
    rows = [row for cell in cells for row in cell.rows if row.method == method]
    return max(rows, key=_score).label if rows else ""


def _score(row: TrialRow) -> float:
    completed = row.runs["outcome"] == "completed"
    return float(row.runs["validation_accuracy"].astype("float64").where(completed, 0.0).mean())


def protocol(part: Part) -> str:
    """Teacher, student and seeds of a part that is one sweep, or several alike."""
    rows = part.frame.rows
    first = rows[rows["kind"] != "teacher"].iloc[0].to_dict()
    seeds = sorted({int(seed) for seed in rows["seed"].dropna()})
    several = len(seeds) > 1
    epochs, batch = (first.get(f"setting/teacher/{name}") for name in ("epochs", "batch_size"))
    taught = f"; teacher of {epochs} epochs of batches of {batch}" if formatting.known(epochs) else ""
    return (
        f"`{first['teacher']}` → `{first['student']}` on {first['dataset']}{taught}; "
        f"seed{'s' if several else ''} {', '.join(map(str, seeds))}, which var{'y' if several else 'ies'} "
        f"{str(first['vary']).replace(',', ', ')}."
    )
