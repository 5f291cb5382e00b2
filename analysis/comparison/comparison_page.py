"""The page of a comparison: targets, the joint tables, what each row had, sensitivity, and how it was done."""

import pandas as pd

from acgkd.agreement.worth import MEASURED_ON_POOL
from analysis import formatting
from analysis.comparison.calibrations import calibration_rows, calibration_table
from analysis.comparison.choosing import RULE, worth_in_words
from analysis.comparison.joint import Comparison, Panel
from analysis.comparison.overall import complete, overall, ranked, score_of
from analysis.comparison.pictures import (
    differences_picture,
    improvement_picture,
    profile_picture,
    rank_picture,
    sensitivity_pictures,
    titled,
)
from analysis.comparison.tables.page_tables import (
    aggregate_table,
    joint_table,
    pairwise_table,
    rows_table,
    sensitivity_block,
    targets_table,
)
from analysis.comparison.tables.pair_tables import PairMatrix, failures_in_words, pair_matrices, pair_table
from analysis.comparison.tables.row_tables import budget_table, provenance_table, tuned_table, undecided_table
from analysis.comparison.trial_rows import measure_in_words, more_is_better
from analysis.comparison.tried import sensitivity_table
from analysis.page.render import Block, Fact, Note, Report, Section
from analysis.statistics.view import views

TITLE = "Comparison"
TESTS = (
    "The tests. On one data set: the paired t test of the difference over shared seeds, its variance corrected where "
    "seeds drew the split (Nadeau and Bengio 2003), p-values corrected by Holm over all such tests of the page. Over "
    "data sets: Wilcoxon's signed-rank test of the mean differences from five sets on, with Holm's correction over "
    "the methods of a joint table; ranks by Friedman's test with Iman and Davenport's F, then Nemenyi's critical "
    "difference at 5 %. Means over data sets have Satterthwaite intervals; interquartile means, profiles and the "
    "probability of improvement (Agarwal et al. 2021) have stratified bootstrap intervals of 2,000 resamples over "
    "seeds, moved apart so that means vary as those t tests say. All of these intervals are over seeds, on the data "
    "sets that are here; that a method leads on others is said by tests over data sets alone."
)
MOST_CAVEATS = 4


def report(comparison: Comparison) -> Report:
    """Makes the page."""
    sections: list[Section] = []
    if comparison.targets:
        sections.append(Section("Targets", (targets_table(comparison),)))
    for panel in comparison.panels:
        title = {"dataset": "Methods by data set", "method": "Data sets by method"}.get(
            comparison.by, f"Methods by {comparison.by}"
        )
        sections.append(Section(titled(title, comparison, panel), tuple(_panel(comparison, panel))))
    pairs = [block for matrix in pair_matrices(comparison) for block in _pairs(matrix)]
    if pairs:
        sections.append(Section("From each teacher to each student", tuple(pairs)))
    if (tuned := tuned_table(comparison)) is not None:
        sections.append(Section("What tuning bought", (tuned,)))
    notes = (Note(text) for text in _caveats(comparison)[:MOST_CAVEATS])
    sections.append(Section("What each row had", (budget_table(comparison), *notes)))
    steps = calibration_rows(comparison)
    if len(steps):
        sections.append(Section("Calibration", (calibration_table(steps),)))
    sensitivities = sensitivity_table(comparison)
    if len(sensitivities):
        shown: list[Block] = [*sensitivity_pictures(comparison, sensitivities)]
        shown.append(sensitivity_block(comparison, sensitivities))
        sections.append(Section("Sensitivity to settings", tuple(shown)))
    whose = provenance_table(comparison)
    how: list[Block] = [Note(RULE), *([] if whose is None else [whose]), Note(TESTS), *_left_out(comparison)]
    sections.append(Section("How it was compared", tuple(how)))
    said = (
        f"The baseline is `{comparison.baseline}`; differences are the baseline minus the other, paired over the "
        "seeds that both completed.",
        comparison.held_equal,
        "Nothing is chosen by the test split.",
    )
    subtitle = " ".join(filter(None, said))
    return Report(TITLE, subtitle, _facts(comparison), warnings(comparison), tuple(sections), "acgkd compare")


def _pairs(matrix: PairMatrix) -> list[Block]:
    """The matrix of a data set, and what failed in it."""
    return [pair_table(matrix), *(Note(failures_in_words(matrix, name)) for name in matrix.cells)]


def _left_out(comparison: Comparison) -> list[Note]:
    """That sweeps of perturbed settings are in no table."""
    if not comparison.studies:
        return []
    named = ", ".join(f"`{name}`" for name in comparison.studies[:6])
    return [
        Note(
            f"Perturbed settings are no rivals, so {formatting.plural(len(comparison.studies), 'sweep')} of them "
            f"({named}{' …' if len(comparison.studies) > 6 else ''}) are in no table; "
            "`analysis.robustness.studies` reads them."
        )
    ]


def _caveats(comparison: Comparison) -> list[str]:
    """Why seconds do not compare; what does not hold of all sweeps has their names."""
    every = views(comparison.frame)
    whose: dict[str, list[str]] = {}
    for view in every:
        for text in view.caveats:
            whose.setdefault(text, []).append(f"`{view.metadata.source}`")
    return [
        text if len(names) == len(every) else f"{', '.join(names[:6])}{' …' if len(names) > 6 else ''}: {text}"
        for text, names in whose.items()
    ]


def _panel(comparison: Comparison, panel: Panel) -> list[Block]:
    table = overall(comparison, panel) if more_is_better(comparison.measure) else pd.DataFrame()
    several = len(panel.cells) > 1
    blocks: list[Block] = [
        joint_table(comparison, panel),
        *differences_picture(comparison, panel),
        rows_table(comparison, panel),
    ]
    if (undecided := undecided_table(comparison, panel)) is not None:
        blocks.append(undecided)
    if comparison.measure in MEASURED_ON_POOL:
        blocks += [
            Note(said)
            for column, cell in panel.cells.items()
            if cell.baseline is not None and (said := worth_in_words(cell, cell.baseline, column))
        ]
    if not more_is_better(comparison.measure):
        return [*blocks, Note("Less is better, so no wins, ranks or probabilities of improvement are given.")]
    if several:
        blocks.append(aggregate_table(comparison, panel, table))
    if len(panel.contestants) > 1:
        blocks.append(pairwise_table(comparison, panel, table))
    blocks += [*improvement_picture(comparison, panel, table), *profile_picture(comparison, panel)]
    blocks += rank_picture(comparison, panel)
    left = [name for name in panel.contestants if name not in complete(panel)]
    if several and left:
        blocks.append(
            Note(f"Not run on every data set, and so in no aggregate: {', '.join(f'`{name}`' for name in left)}.")
        )
    if several and ranked(panel) is None:
        blocks.append(Note("Average ranks and their critical difference are given from five data sets on."))
    return blocks


def _facts(comparison: Comparison) -> tuple[Fact, ...]:
    facts = []
    if comparison.targets:
        words = [verdict.word for verdict in comparison.verdicts]
        counted = ", ".join(f"{words.count(word)} {word}" for word in ("met", "missed", "not decided"))
        facts.append(Fact("Targets", f"{words.count('met')} of {len(words)} met", counted))
    for panel in comparison.panels[:4]:
        table = overall_line(comparison, panel)
        if table is not None:
            facts.append(table)
    return tuple(facts)


def overall_line(comparison: Comparison, panel: Panel) -> Fact | None:
    """The baseline's headline figure on one joint table."""
    done = [cell.baseline.done for cell in panel.cells.values() if cell.baseline is not None]
    if not done:
        return None
    score = score_of(panel)
    means = [float(rows[score].astype("float64").mean()) for rows in done if len(rows)]
    what = measure_in_words(score)
    sets = formatting.plural(len(means), "data set" if comparison.by in ("dataset", "method") else "column")
    return Fact(
        f"{comparison.baseline}{f', {panel.title}' if panel.title else ''}",
        formatting.mean_sd(sum(means) / len(means), None) if means else formatting.DASH,
        f"{what}, mean over {sets}",
    )


def warnings(comparison: Comparison) -> tuple[str, ...]:
    """What a reader must know before anything else."""
    rows = comparison.rows
    said = [comparison.absent] if comparison.absent else []
    weak = rows[(rows["role"] == "best") & (rows["reduced"] | ~rows["published"])]
    against = rows[(rows["role"] == "best")]
    if len(weak):
        said.append(
            f"{len(weak)} of {formatting.plural(len(against), 'rival row')} are reduced or not published: a lead over "
            "them decides nothing."
        )
    open_ = sorted({name for panel in comparison.panels for cell in panel.cells.values() for name in cell.undecided})
    if open_:
        said.append(
            f"Of {', '.join(f'`{name}`' for name in open_)} no row could be chosen: there are several, and no "
            "validation accuracy that all of them have. Nothing is chosen by the test split."
        )
    unknown = sorted({row.method for panel in comparison.panels for cell in panel.cells.values()
                      for row in cell.rows if row.known is None})  # fmt: skip
    if unknown:
        named = ", ".join(f"`{name}`" for name in unknown)
        said.append(f"The defaults of {named} are not known here, so that none of their rows can be called reduced.")
    short = rows[(rows["seeds"] < rows["planned"]) & rows["role"].isin(["baseline", "best", "control"])]
    if len(short):
        named = ", ".join(
            f"`{row['row']}` on {row['column']} ({row['outcomes']})" for row in short.head(6).to_dict("records")
        )
        said.append(f"Not all seeds completed: {named}{' …' if len(short) > 6 else ''}. Means are over those that did.")
    fewer = rows[(rows["seeds"] == rows["planned"]) & (rows["students"] < rows["planned"] * rows["teachings"])]
    if len(fewer):
        named = ", ".join(f"`{row['row']}` on {row['column']} ({row['outcomes']})" for row in fewer.to_dict("records"))
        said.append(f"Not all teachings completed: {named}. The mean of a seed is over those that did.")
    apart = rows[rows["role"].isin(["best", "control"]) & (rows["pairs"] == 0)]
    both = apart[apart["column"].isin(rows.loc[rows["role"] == "baseline", "column"])]
    if len(both):
        named = ", ".join(f"`{row['row']}` on {row['column']}" for row in both.head(6).to_dict("records"))
        more = " …" if len(both) > 6 else ""
        said.append(f"No seed is shared with the baseline by {named}{more}: there is no difference to give.")
    said += _plain_intervals(comparison)
    for view in views(comparison.frame):
        said += [f"`{view.metadata.source}`: {text}" for text in view.code_warnings]
    if comparison.frame.unreadable:
        count = formatting.plural(len(comparison.frame.unreadable), "file")
        said.append(f"{count} among the records could not be read and are left out.")
    return tuple(said)


def _plain_intervals(comparison: Comparison) -> list[str]:
    blank = sorted({row.source for panel in comparison.panels for cell in panel.cells.values() for row in cell.rows
                    if "vary" in row.runs and set(row.runs["vary"].fillna("")) == {""}})  # fmt: skip
    if not blank:
        return []
    return [
        f"Of {', '.join(f'`{name}`' for name in blank[:6])}{' …' if len(blank) > 6 else ''} it is not known whether "
        "seeds drew the split; intervals are then plain, and too narrow if they did."
    ]
