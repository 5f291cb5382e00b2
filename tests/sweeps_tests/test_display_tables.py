"""Trials as people see them: at the end of a run, at a prompt, in a notebook."""

import io
from html.parser import HTMLParser

import pandas as pd
import pytest

from sweeps.cli import outcome
from sweeps.cli.commands.run import finish
from sweeps.display.safe_console import SafeConsole
from sweeps.display.tables import excerpt, to_html, to_rich
from sweeps.engine.snapshot import Summary


def as_text(data, width=100, most=20):
    """The table as a terminal of this width shows it."""
    console = SafeConsole(file=io.StringIO(), width=width)
    console.print(to_rich(excerpt(data, most), console)[0])
    return "\n".join(line.rstrip() for line in console.file.getvalue().splitlines())


def frame(trials=3, *, searched=True, chosen=True, label="trial {}"):
    """As `analysis.reports.pareto_table` makes it."""
    rows = [
        {
            "label": label.format(number),
            "trial": number,
            "replicates": "3 of 3" if number < trials - 1 else "1 of 3",
            "test_accuracy": 0.9 - number / 1e4,
            "test_accuracy_sd": 0.0123,
            "validation_divergence": 0.1 + number,
            "share": 0.95,
            "seconds": 12.3456,
            "multiply_adds": 1.5e9,
            "outcomes": "3 completed" if number < trials - 1 else "1 completed, 2 failed",
            "on_front": number < 2 and chosen,
            "chosen": number == 0 and chosen,
        }
        for number in range(trials)
    ]
    lines = [
        {**dict.fromkeys(rows[0]), "label": name, "replicates": "3 of 3", "test_accuracy": 0.5, "on_front": False}
        for name in ("random_graphs", "teacher", "majority class")
    ]
    made = pd.DataFrame(rows + [{**line, "chosen": False} for line in lines])
    made["trial"] = made["trial"].astype("Int64")
    made.attrs.update(searched=searched, objective="validation_divergence", direction="minimize")
    return made


@pytest.fixture
def printed(monkeypatch, tmp_path):
    """What `acgkd run` prints of a frame at some width."""

    def at(made, width=80):
        stream = io.StringIO()
        monkeypatch.setattr(outcome, "out", SafeConsole(file=stream, width=width))
        monkeypatch.setattr(outcome, "print_line", lambda text: stream.write(f"{text}\n"))
        ending = outcome.ending_of(made, tmp_path, Summary(tmp_path, 0, {}, interrupted=False, nothing_to_do=True))
        outcome.print_table(ending.table, tmp_path)
        if ending.selection:
            outcome.out.print(ending.selection, markup=False, highlight=False)
        return [line.rstrip() for line in stream.getvalue().splitlines()]

    return at


def test_twenty_trials_are_shown_then_the_lines_to_read_them_against(printed, tmp_path):
    lines = printed(frame(1000))
    labels = [" ".join(line.split()[:2]) for line in lines[3:26]]
    assert labels[:20] == [f"trial {number}" for number in range(20)]
    assert [line.split("  ")[0] for line in lines[23:26]] == ["random_graphs", "teacher", "majority class 3/3"]
    assert lines[26] == (f"Shown: the first 20 of 1,000 trials. All of them: {tmp_path}/report/tables/trials.csv")
    assert lines[27:] == ["Chosen by the objectives alone: trial 0. Front: no trial is better in all of", "them."]


def test_all_trials_of_a_small_sweep_are_shown(printed):
    text = "\n".join(printed(frame(3)))
    assert "Shown" not in text
    assert "0.900 ± 0.012" in text
    assert "1.5 G chosen" in text
    assert "1/3" in text
    assert text.count("2 failed") == 1


def test_nothing_is_said_of_a_choice_that_was_not_made(printed):
    assert "Chosen" not in "\n".join(printed(frame(chosen=False)))
    assert "Front" not in "\n".join(printed(frame(chosen=False)))
    text = "\n".join(printed(frame(1, searched=False)))
    assert text.startswith("Methods (±")
    assert "hosen" not in text


@pytest.mark.parametrize("width", [80, 60, 40])
@pytest.mark.parametrize("label", ["trial {}", "a control with a label of many words {}", "x" * 90 + "{}"])
def test_columns_without_room_are_left_out_whole(width, label, printed):
    lines = printed(frame(label=label), width)
    text = "\n".join(lines)
    assert max(map(len, lines)) <= width
    assert "…" not in text
    assert "0.900 ± 0.012" in text
    for column, cell in (("seconds", "12.35"), ("recovered share", "0.95"), ("runs", "3/3")):
        left_out = column in " ".join(lines).partition("Columns without room:")[2].partition(".")[0]
        assert (cell in text) != left_out


class Cells(HTMLParser):
    def __init__(self):
        super().__init__()
        self.cells = []

    def handle_data(self, data):
        self.cells.append(data)


def test_a_notebook_gets_a_table():
    html = to_html(frame(30, label="<b>{}"))
    found = Cells()
    found.feed(html)
    assert found.cells[0].startswith("Trials, best first")
    assert found.cells.count("<b>0") == 1
    assert html.count("<tr") == 1 + 20 + 3
    assert html.count("font-weight:bold") == 1
    assert found.cells[-1] == "Shown: the first 20 of 30 trials."


def test_a_measure_that_no_row_has_is_no_column():
    without_data = frame().assign(test_accuracy=None, test_accuracy_sd=None, share=None)
    text = as_text(without_data)
    assert "accuracy" not in text
    assert "share" not in text
    assert "12.35" in text


def test_a_table_of_a_terminal_has_the_first_trials_and_its_width():
    text = as_text(frame(30), width=100, most=2)
    assert "trial 1" in text
    assert "trial 2" not in text
    assert excerpt(frame(30), 2).more == "Shown: the first 2 of 30 trials."
    assert max(map(len, text.splitlines())) <= 100


def test_any_frame_is_shown_with_the_columns_that_it_has():
    other = pd.DataFrame({"trial": [3, 1], "method/rate": [0.01, None], "mode": ["a", "<b>"]})
    assert [column.title for column in excerpt(other).columns] == ["trial", "method/rate", "mode"]
    text = as_text(other)
    assert text.splitlines()[-2:] == ["    3        0.01 a", "    1           – <b>"]
    assert "&lt;b&gt;" in to_html(other)


def test_a_frame_without_trials():
    assert to_html(pd.DataFrame()) == "<div>No trials yet.</div>"
    assert "teacher" in as_text(frame(3).iloc[3:])


def test_trials_that_failed_are_counted_at_the_end(tmp_path, monkeypatch, capsys):
    import typer

    from analysis import reports

    monkeypatch.setattr(reports, "pareto_table", lambda folder: frame())
    monkeypatch.setattr(reports, "write", lambda folders, out: out / "report.html")
    with pytest.raises(typer.Exit):
        finish(tmp_path, Summary(tmp_path, 3, {"completed": 1, "failed": 2}, False, False))
    assert "2 of 3 trials failed" in capsys.readouterr().err
    with pytest.raises(typer.Exit):
        finish(tmp_path, Summary(tmp_path, 3, {"failed": 3}, False, False))
