"""The tables of the page of a comparison: methods by data sets, rows, aggregates, targets."""

import math
from collections.abc import Callable

import pandas as pd

from analysis import formatting
from analysis.comparison.joint import Comparison, Panel
from analysis.comparison.overall import score_of
from analysis.comparison.pictures import p_value, stem, titled
from analysis.comparison.trial_rows import measure_in_words
from analysis.page.render import Column, Row, Table
from analysis.statistics.aggregates.ranks import FEWEST_SETS
from analysis.statistics.aggregates.sensitivity import NEAR
from analysis.statistics.aggregates.teachings import TeachingSpread

TAUGHT_AGAIN = (
    "Teachings: students of each seed, from the same pseudo-samples where these are made before the student learns; "
    "their mean is the seed's figure. Standard error of the mean over seeds, not corrected for splits: the part "
    "that more teachings would take away, of all of it."
)
MARKS = "†: fewer steps or samples than its method declares, or a cheaper form of it (reduced); ‡: not as published."


def joint_table(comparison: Comparison, panel: Panel) -> Table:
    """Methods by data sets, or the other way round: mean ± standard deviation, and the number of seeds."""
    rows = comparison.rows
    rows = rows[(rows["panel"] == panel.title) & (rows["role"] != "other")]
    lines, across = ("column", "contestant") if comparison.by == "method" else ("contestant", "column")
    order = (list(panel.cells), list(panel.contestants))
    down, heads = order if comparison.by == "method" else order[::-1]
    what = measure_in_words(comparison.measure).capitalize()
    data = []
    for name in down:
        line: dict[str, object] = {lines: name}
        for head in heads:
            found = rows[(rows[lines] == name) & (rows[across] == head)]
            cell = found.iloc[0] if len(found) else None
            for part, column in (
                ("", "value"),
                (" sd", "value_sd"),
                (" seeds", "seeds"),
                (" note", "note"),
                (" reduced", "reduced"),
                (" published", "published"),
            ):
                line[f"{head}{part}"] = None if cell is None else cell[column]
        data.append(line)
    columns = [Column("method" if lines == "contestant" else "data set", lambda row: str(row[lines]), numeric=False)]
    columns += [Column(head or measure_in_words(comparison.measure), _cell(head)) for head in heads]
    note = f"{what}: mean ± standard deviation over seeds (their number). {MARKS}"
    marked = frozenset({0}) if comparison.by != "method" and data and panel.contestants else frozenset()
    title = titled(what, comparison, panel)
    return Table(stem("joint", comparison, panel), title, pd.DataFrame(data), tuple(columns), note, marked, most=200)


def _cell(head: str) -> Callable[[Row], str]:
    def text(row: Row) -> str:
        if not formatting.known(row[head]):
            return formatting.DASH
        mark = "†" * bool(row[f"{head} reduced"]) + "‡" * (not row[f"{head} published"])
        return f"{formatting.mean_sd(row[head], row[f'{head} sd'])} ({int(row[f'{head} seeds'])}){mark}"

    return text


def rows_table(comparison: Comparison, panel: Panel) -> Table:
    """Every row that was run, with the baseline's difference to those that stand for a method."""
    rows = comparison.rows
    data = rows[rows["panel"] == panel.title].drop(columns="panel").reset_index(drop=True)
    what = measure_in_words(comparison.measure)
    shown = comparison.measure not in ("test_accuracy", "ratio")
    own = [Column(what, lambda row: formatting.mean_sd(row["value"], row["value_sd"]))] if shown else []
    one_class = [Column("collapsed", lambda row: f"{row['collapsed']} of {row['students']}")] * bool(
        data["collapsed"].any()
    )
    taught = [Column("teachings (deviation)", _teaching), Column("standard error", _errors)]
    again = taught if (data["teachings"] > 1).any() else []
    columns = (
        Column("data set" if comparison.by in ("dataset", "method") else comparison.by, _word("column"), numeric=False),
        Column("row", _word("row"), numeric=False),
        Column("note", _word("note"), numeric=False),
        Column("seeds", lambda row: f"{row['seeds']} of {row['planned']}"),
        Column("validation accuracy", lambda row: formatting.share(row["validation_accuracy"])),
        Column("test accuracy", lambda row: formatting.mean_sd(row["test_accuracy"], row["test_accuracy_sd"])),
        Column("ratio to teacher", lambda row: formatting.mean_sd(row["ratio"], row["ratio_sd"])),
        Column("recovered share", lambda row: formatting.significant(row["share"], 2).replace("-", "−")),
        *own,
        *again,
        *one_class,
        Column(f"{comparison.baseline} minus it", _gap),
        Column("p (Holm)", lambda row: p_value(row["p_holm"])),
        Column("better / equal / worse", _signs),
    )
    tests = int(rows["p_value"].notna().sum())
    note = (
        f"`{comparison.baseline}` minus it: in {what}, paired by seed, 95 % interval, corrected where seeds "
        f"drew the split; p-values by the same t test, Holm's correction over all {tests} of the page. Validation "
        "accuracy: over the seeds that all rows of the method have. Rows without a difference stand for no method."
    )
    note += f" Collapsed: {'students that say' if again else 'seeds whose student says'} one class." * bool(one_class)
    note += f" {TAUGHT_AGAIN}" * bool(again)
    marked = frozenset(int(index) for index in data.index[data["role"] == "baseline"])
    title = titled("All rows", comparison, panel)
    return Table(stem("rows", comparison, panel), title, data, columns, note, marked, most=200)


def _teaching(row: Row) -> str:
    return TeachingSpread.read(row).words


def _errors(row: Row) -> str:
    """The part of the standard error over seeds that is due to teaching, and all of it."""
    if row["teachings"] == 1:
        return formatting.DASH
    whole = row["value_sd"] / math.sqrt(row["seeds"]) if row["seeds"] else math.nan
    return " of ".join(formatting.significant(value, 2) for value in (row["teaching_se"], whole))


def aggregate_table(comparison: Comparison, panel: Panel, table: pd.DataFrame) -> Table:
    """What each method comes to over all data sets."""
    data = table[["contestant", "sets", "mean", "mean_low", "mean_high", "iqm", "iqm_low", "iqm_high", "rank"]]
    what = measure_in_words(score_of(panel))
    columns = (
        Column("method", _word("contestant"), numeric=False),
        Column("data sets", lambda row: str(row["sets"])),
        Column(f"mean {what}", _spread("mean")),
        Column(f"interquartile mean {what}", _spread("iqm")),
        Column("average rank", lambda row: formatting.DASH if math.isnan(row["rank"]) else f"{row['rank']:.2f}"),
    )
    note = (
        f"Each data set has equal weight. Blank: not run on all {len(panel.cells)}; ranks from {FEWEST_SETS} data "
        "sets on. Intervals: 95 % over seeds, on these data sets."
    )
    title = titled("Over all data sets", comparison, panel)
    return Table(stem("aggregates", comparison, panel), title, data, columns, note, frozenset({0}), most=100)


def pairwise_table(comparison: Comparison, panel: Panel, table: pd.DataFrame) -> Table:
    """The baseline against each method, over the data sets that both have."""
    data = table[table["sets_shared"] > 0].drop(
        columns=["sets", "mean", "mean_low", "mean_high", "iqm", "iqm_low", "iqm_high", "rank"]
    )
    columns = (
        Column(f"{comparison.baseline} against", _word("contestant"), numeric=False),
        Column("data sets", lambda row: str(row["sets_shared"])),
        Column("win / tie / loss", lambda row: f"{row['wins']} / {row['ties']} / {row['losses']}"),
        Column("mean difference", _gap),
        Column("Wilcoxon p (Holm)", lambda row: p_value(row["p_holm"])),
        Column("probability of improvement", _spread("improvement", 2)),
        Column("reduced or not published on", lambda row: formatting.words(row["reduced_on"]), numeric=False),
    )
    most = int(data["sets_shared"].max()) if len(data) else 0
    least = (
        f" Over {most} data sets no two-sided p-value is below {2.0 ** (1 - most):.3g}, before correction."
        if most
        else ""
    )
    note = (
        f"Wins by mean {measure_in_words(comparison.measure)}. "
        "The mean difference has a Satterthwaite interval over seeds. Wilcoxon's "
        f"signed-rank test from {FEWEST_SETS} data sets on.{least} Probability of improvement: that a run of the "
        "baseline is better than one of the other on the same data set."
    )
    title = titled("Against each method", comparison, panel)
    return Table(stem("against", comparison, panel), title, data.reset_index(drop=True), columns, note, most=100)


def sensitivity_block(comparison: Comparison, data: pd.DataFrame) -> Table:
    """Distribution of accuracy over settings."""
    shown = [Column("pair", _word("panel"), numeric=False)] if len(comparison.panels) > 1 else []
    columns = (
        *shown,
        Column("data set", _word("column"), numeric=False),
        Column("method", _word("contestant"), numeric=False),
        Column("settings", lambda row: str(row["settings"])),
        Column("mean ± sd", lambda row: formatting.mean_sd(row["mean"], row["sd"])),
        Column("worst", lambda row: formatting.share(row["worst"])),
        Column("best", lambda row: formatting.share(row["best"])),
        Column(f"within {NEAR} of the best", lambda row: f"{100 * row['near']:.0f} %"),
        Column("failed", lambda row: str(row["failed"])),
        Column("left out", lambda row: str(row["left_out"])),
    )
    note = (
        "Each setting by its mean test accuracy over seeds; methods with three settings or more. A setting that "
        "failed on every seed counts as the majority class; a pruned one is left out. The best here is the best on "
        "test: it describes, and chose nothing."
    )
    return Table("sensitivity", "Accuracy over all settings tried", data, columns, note, most=200)


def targets_table(comparison: Comparison) -> Table:
    """What was to be shown, and what became of it."""
    data = pd.DataFrame(
        [
            {
                "target": verdict.target.law,
                "judged_by": verdict.target.judged_by,
                "verdict": verdict.word,
                "figures": verdict.detail,
                "worth": " ".join(verdict.worth),
            }
            for verdict in comparison.verdicts
        ]
    )
    worth = [Column("what agreement is worth", _word("worth"), numeric=False)] if data["worth"].any() else []
    columns = (
        Column("target", _word("target"), numeric=False),
        Column("verdict", _word("verdict"), numeric=False),
        Column("judged by", _word("judged_by"), numeric=False),
        Column("figures", _word("figures"), numeric=False),
        *worth,
    )
    note = (
        "By interval: met where all of the 95 % interval is on the right side of the bound, missed where all of it "
        "is on the wrong side, not decided where it straddles. A lead over a row that is reduced or not published is "
        "not decided."
    )
    return Table("targets", "Targets", data, columns, note, most=100)


def _word(name: str) -> Callable[[Row], str]:
    return lambda row: formatting.words(row[name])


def _gap(row: Row) -> str:
    return formatting.gap(row["difference"], row["difference_low"], row["difference_high"])


def _signs(row: Row) -> str:
    return f"{row['wins']} / {row['ties']} / {row['losses']}" if row["pairs"] else formatting.DASH


def _spread(name: str, digits: int = 3) -> Callable[[Row], str]:
    def text(row: Row) -> str:
        value, low, high = row[name], row[f"{name}_low"], row[f"{name}_high"]
        if not formatting.known(value):
            return formatting.DASH
        ends = f" ({low:.{digits}f} to {high:.{digits}f})" if formatting.known(low) and high > low else ""
        return f"{value:.{digits}f}{ends}".replace("-", "−")

    return text
