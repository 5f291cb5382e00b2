"""What a comparison says first, and of whom: its targets, its baseline, one contestant for each method of a place."""

from pathlib import Path
from types import ModuleType

import pandas as pd
import pytest

import analysis
from analysis.comparison.comparing import compared
from analysis.comparison.comparison_page import report
from analysis.comparison.joint import Comparison
from analysis.formatting import shortened
from analysis.page.render import files_beside
from analysis.records.frame import COLUMNS, Frame
from tests.analysis_tests.simulated import frame

pytestmark = pytest.mark.usefixtures("without_figures")


def frame_of(*rows: pd.DataFrame) -> Frame:
    """Changed rows, with the types of a frame again."""
    return Frame(pd.concat(rows, ignore_index=True).astype(dict(COLUMNS)))


def two_sweeps(seeds: int = 3, **means: float) -> Frame:
    """A sweep of four seeds with a rival, and beside it one more of the same method on the same data set."""
    first, second = frame({"one": {"ours": 0.8} | means}, seeds=4), frame({"one": {"ours": 0.9}}, seeds=seeds)
    rows = [made.rows.assign(source=name, sweep=name) for name, made in (("draws", second), ("main-one", first))]
    return frame_of(*rows)


def contestants(found: Comparison) -> tuple[str, ...]:
    (panel,) = found.panels
    return panel.contestants


def test_sweeps_of_one_place_are_one_contestant_of_each_method_and_no_rival_of_themselves(
    made_up: ModuleType, tmp_path: Path
) -> None:
    for name, seeds in (("draws", 3), ("main", 4)):
        records = [made_up.record(replicate=seed, sweep=name, quality={"test_accuracy": 0.8}) for seed in range(seeds)]
        records += [
            made_up.record(kind="control", label="gfkd", method="gfkd", replicate=seed, sweep=name)
            for seed in range(seeds)
        ]
        made_up.write_folder(tmp_path / name, records, seeds=seeds)
    loaded = analysis.load(tmp_path / "draws", tmp_path / "main")
    found = compared(loaded, places={"main": "packed", "draws": "packed"})
    assert found.baseline == "acgkd"
    assert contestants(found) == ("acgkd", "gfkd")
    table = found.rows.set_index("row")
    assert table.loc["acgkd [main]", "role"] == "baseline", "that with the most seeds"
    assert table.loc["acgkd [draws]", "role"] == "other"
    assert table[table["role"] == "best"]["pairs"].tolist() == [4]
    assert contestants(found.part("main")) == ("acgkd", "gfkd"), "a part has the same names"


def test_records_beside_a_page_are_one_place(tmp_path: Path) -> None:
    two_sweeps(rival=0.7).rows.to_parquet(tmp_path / "records.parquet")
    found = analysis.compare_methods([tmp_path / "records.parquet"])
    assert contestants(found) == ("ours", "rival")
    assert {"ours [main]", "ours [draws]"} < set(found.rows["row"])


def test_sweeps_of_two_places_are_two_contestants_and_so_are_those_of_a_method_alone() -> None:
    apart = compared(two_sweeps(rival=0.7), places={"main-one": "packed", "draws": "again"})
    assert contestants(apart) == ("ours [again]", "ours [packed]", "rival")
    alone = compared(two_sweeps(), places={"main-one": "packed", "draws": "packed"})
    assert contestants(alone) == ("ours [draws]", "ours [main]")


def test_a_row_that_shares_no_seed_stands_only_where_none_does() -> None:
    made = frame({"one": {"ours": 0.8, "rival": 0.6, "rival (searched)": 0.9}}, seeds=3).rows
    moved = made["seed"].where(made["label"] != "rival (searched)", made["seed"] + 100)
    roles = compared(frame_of(made.assign(seed=moved))).rows.set_index("row")["role"]
    assert (roles["rival"], roles["rival (searched)"]) == ("best", "other")
    only = made[made["label"] != "rival"].assign(seed=moved)
    assert compared(frame_of(only)).rows.set_index("row")["role"]["rival (searched)"] == "best"


def test_where_the_baseline_is_not_is_said_first() -> None:
    made = frame({"one": {"ours": 0.8, "rival": 0.7}, "two": {"other": 0.8, "rival": 0.7}}, seeds=2)
    found = compared(made)
    said = "The baseline `ours` was not run on two: no differences are given there."
    assert report(found).warnings[0] == said
    assert found.lines(200)[0] == said.replace("`", "")
    assert compared(made, equal="seconds").absent == said.replace("there.", "there, and nothing is held equal.")
    assert not compared(made, baseline="rival").absent
    skip = [("two", "rival", seed) for seed in range(2)]
    sets = {name: {"ours": 0.8, "rival": 0.7} for name in ("one", "two")}
    failed = compared(frame(sets, seeds=2, skip=skip), baseline="rival")
    assert failed.absent.startswith("The baseline `rival` has no row that could stand for it on two: ")


def test_targets_are_at_the_top_of_the_terminal() -> None:
    made = frame({"one": {"ours": 0.8, "rival": 0.7}}, seeds=3)
    targets = [{"row": "ours", "at_least": 0.1}, {"row": "ours", "at_least": 0.9, "judged_by": "mean"}]
    lines = analysis.compare_methods(made, targets=targets).lines(80)
    assert lines[:4] == [
        "1 of 2 targets met, 1 missed, 0 not decided",
        "met: test accuracy of ours at least 0.1 on every data set",
        "missed: test accuracy of ours at least 0.9 on every data set, judged by the mean",
        "",
    ]


@pytest.mark.parametrize("width", [60, 80])
def test_shortened_names_stay_apart(width: int) -> None:
    made = frame({"one": {"ours": 0.8, "a rival of forty letters, known apart by a": 0.7,
                          "a rival of forty letters, known apart by b": 0.6}}, seeds=2).rows  # fmt: skip
    pairs = [("gin-5-64", "gin-3-32"), ("gin-5-64", "gcn-3-32"), ("gcn-5-64", "gin-3-32")]
    every = [made.assign(teacher=one, student=two, source=f"{one}-{two}", method=made["label"]) for one, two in pairs]
    lines = compared(frame_of(*every), by="pair").lines(width)
    columns = [line[:13] for line in lines if line[:1] == "g"]
    assert columns == ["gin-…gin-3-32", "gin-…gcn-3-32", "gcn-…gin-3-32"]
    rivals = [line[14:].split("  ")[0].strip() for line in lines if line.startswith(" " * 14 + "a ")]
    assert len(rivals) == 6
    assert len(set(rivals)) == 2
    assert width < 80 or max(map(len, lines)) <= 80


def test_names_that_differ_in_the_middle_alone_are_numbered() -> None:
    assert shortened(["short", "aaaaaaaaaaaa1aaaaaaaaaaaa", "aaaaaaaaaaaa2aaaaaaaaaaaa"], 8) == {
        "short": "short", "aaaaaaaaaaaa1aaaaaaaaaaaa": "aaaaaa…2", "aaaaaaaaaaaa2aaaaaaaaaaaa": "aaaaaa…3",
    }  # fmt: skip
    assert shortened([], 0) == {}


def test_the_joint_table_beside_the_page_has_its_legend() -> None:
    files = files_beside(report(compared(frame({"one": {"ours": 0.8, "rival": 0.7}}, seeds=2))))
    text, latex = (files[f"tables/joint.{ending}"]().decode() for ending in ("md", "tex"))
    assert text.rstrip().endswith("(reduced); ‡: not as published.")
    assert r"$\dagger$: fewer steps or samples than its method declares" in latex
    assert latex.index(r"\end{tabular}") < latex.index(r"$\dagger$:") < latex.index(r"\end{table}")
