"""`acgkd compare` as users type it: what it prints and writes, and how it refuses."""

from pathlib import Path

import pandas as pd
import pytest

from analysis.comparison.published import match_of, steps_of
from sweeps.cli.app import main
from sweeps.interchange.method_defaults import published_methods

COLUMNS = "method=kd,accuracy=acc,validation_accuracy=val,seed=seed,dataset=data"


@pytest.fixture
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    rows = [
        {"kd": name, "acc": mean + seed / 100 + len(name) * seed / 1000, "val": mean, "seed": seed, "data": data}
        for data in ("mutag", "ptc_mr") for name, mean in (("mine", 0.8), ("theirs", 0.7)) for seed in range(3)
    ]  # fmt: skip
    pd.DataFrame(rows).to_csv("runs.csv", index=False)
    return tmp_path


@pytest.mark.usefixtures("table", "without_figures")
def test_it_prints_a_table_and_writes_a_page(capsys: pytest.CaptureFixture[str]) -> None:
    Path("targets.yaml").write_text("targets: [{row: mine, against: theirs, at_least: 0}]")
    assert main(["compare", "runs.csv", "--columns", COLUMNS, "--targets", "targets.yaml", "--out", "page"]) == 0
    text = capsys.readouterr().out
    lines = text.splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[-1] == "Comparison: page/report.html"
    assert "mine minus it" in text
    assert "met: test accuracy of mine minus theirs at least 0 on every data set" in text
    assert {path.name for path in Path("page").iterdir()} >= {"report.html", "report.md", "records.csv", "tables"}
    assert len(pd.read_parquet("page/tables/joint.parquet")) == 2
    assert "Made by <code>acgkd compare</code>" in Path("page/report.html").read_text()


@pytest.mark.usefixtures("table", "without_figures")
def test_a_comparison_is_written_anew_and_nothing_else_is_written_over(capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["compare", "runs.csv", "--columns", COLUMNS]
    page = Path("comparison")
    page.mkdir()
    (page / "report.html").write_text("mine")
    assert main(asked) == 2
    said = " ".join(capsys.readouterr().err.split())
    assert said.startswith("Error: A comparison is written to a folder that is new, empty, or an earlier comparison's,")
    assert "but comparison holds `report.html`. Choose another one with `--out`." in said
    assert (page / "report.html").read_text() == "mine"
    (page / "report.html").unlink()
    for _ in range(2):
        assert main(asked) == 0
    (page / "notes.txt").write_text("mine")
    assert main(asked) == 0, "it is a comparison's folder"
    assert (page / "notes.txt").read_text() == "mine"
    text = (page / "report.md").read_text()
    (page / "report.md").write_text(text.replace("# Comparison", "# Methods", 1))
    assert main(asked) == 2, "it is a report's folder"


@pytest.mark.usefixtures("table")
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["runs.csv"], "--columns accuracy=COLUMN,method=COLUMN"),
        (["gone"], "is neither"),
        (["gone.csv"], "there is none at"),
        (["runs.csv", "--columns", COLUMNS, "--baseline", "nobody"], "there is no 'nobody'"),
        (["runs.csv", "--columns", COLUMNS, "--by", "mood"], "got 'mood'"),
        (["runs.csv", "--columns", COLUMNS, "--targets", "gone.yaml"], "cannot be read"),
        (["runs.csv", "--columns", COLUMNS, "--out", "runs.csv"], "runs.csv"),
    ],
)
def test_a_mistake_is_one_sentence_and_no_traceback(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["compare", *arguments]) in (1, 2)
    said = " ".join(capsys.readouterr().err.split())
    assert said.startswith("Error: ")
    assert message in said
    assert "Traceback" not in said
    assert not Path("comparison").exists()


def test_the_catalogue_says_what_is_published_and_what_is_a_control() -> None:
    known = published_methods()
    assert {name for name, method in known.items() if method.control} == {"random_graphs", "noise", "real_data"}
    assert known["gfkd"].defaults["synthesis/steps"] == 1500
    row = {
        "synthesis_steps": 160, "setting/method/synthesis/steps": 160, "setting/method/synthesis/density": "prior",
        "setting/method/transfer/projection": '"none"', "setting/method/transfer/decay_at": "0.4,0.8",
    }  # fmt: skip
    (steps,) = steps_of(row, known["gfkd"])
    assert (steps.taken, steps.default, steps.fewer) == (160, 1500, True)
    own, lifted = match_of(row, known["gfkd"]), row | {"setting/method/transfer/projection": "gat"}
    apart, searched = match_of(lifted, known["gfkd"]), match_of(lifted, known["gfkd"], ("transfer/projection",))
    assert own is not None
    assert apart is not None
    assert searched is not None
    assert (own.others, apart.others, searched.others) == ((), ("transfer/projection",), ())


def test_the_page_of_graph_methods_follows_from_its_records() -> None:
    """Best rows, differences and intervals of the page, found anew from the committed records."""
    import analysis

    root = Path(__file__).resolve().parents[2] / "docs" / "results"
    page = (root / "graph-methods.md").read_text(encoding="utf-8").split("## Rivals")[1].split("## Rows")[0]
    lines = [line.strip("| ").split(" | ") for line in page.splitlines() if line.startswith("| ")][1:]
    found = analysis.compare_methods([root / "records" / "graph-methods.parquet"], published=published_methods())
    rows = found.rows[(found.rows["panel"] == "gin-5-64 → gin-3-32") & (found.rows["role"] == "best")]
    assert len(lines) == len(rows) == 16
    for data, label, note, _, validation, accuracy, gap in lines:
        (row,) = rows[(rows["column"] == data) & (rows["row"] == label)].to_dict("records")
        assert f"{row['validation_accuracy']:.3f}" == validation
        assert f"{row['test_accuracy']:.3f} ± {row['test_accuracy_sd']:.3f}" == accuracy
        text = f"{row['difference']:+.3f} ({row['difference_low']:.3f} to {row['difference_high']:.3f})"
        assert text.replace("-", "−") == gap
        assert row["note"] == note
