import difflib
import json
import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from types import ModuleType

import pandas as pd
import pytest

from acgkd.errors import MissingFolderError, RecordError, UnknownReportError
from analysis.page.markup import markdown_text
from analysis.page.render import Report, Section, Table
from analysis.records.frame import load
from analysis.reports import REPORTS, pareto_table, write
from analysis.reports._best import facts as facts_of
from analysis.reports._columns import cost_columns, notes_of
from analysis.reports._health import warnings
from analysis.reports._outcomes import outcomes
from analysis.reports._provenance import provenance
from analysis.reports._tradeoffs import tradeoffs
from analysis.reports.questions.rung_blocks import rung_blocks
from analysis.statistics.view import View, view_of
from tests.conftest import leave_out_figures

GOLDEN = Path(__file__).parents[1] / "golden" / "sweep_report.md"
ACCEPT = "ACCEPT_GOLDEN"

pytestmark = pytest.mark.usefixtures("without_figures")


class Requests(HTMLParser):
    """Collects whatever would make a browser ask somebody for something, or run code."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "script" and dict(attrs) not in ({}, {"type": "application/json", "id": "trials"}):
            self.found.append(tag)
        if tag in ("link", "iframe", "object", "embed", "base"):
            self.found.append(tag)
        for name, value in attrs:
            if name.startswith("on"):
                self.found.append(f"{tag} {name}")
            if name in ("src", "href", "xlink:href", "srcset", "action", "data") and not (value or "").startswith("#"):
                self.found.append(f"{tag} {name}={value}")


def small(made_up: ModuleType, folder: Path) -> Path:
    """A sweep small enough to check by hand: four trials of two replicates, one of which diverged."""
    cells = {0: (0.80, 0.70), 1: (0.90, 0.84), 2: (0.88, 0.86), 3: (0.60, 0.52)}
    records = []
    for replicate in range(2):
        records.append(made_up.record(kind="teacher", label="teacher", replicate=replicate))
        for label, accuracy in (("random_graphs", 0.5), ("real_data", 0.84)):
            quality = {"test_accuracy": accuracy + replicate / 50}
            records.append(
                made_up.record(kind="control", label=label, replicate=replicate, method=label, quality=quality)
            )
        for number, (validation, test) in cells.items():
            failed = (number, replicate) == (3, 1)
            records.append(
                made_up.record(
                    label=f"trial {number}",
                    trial=number,
                    replicate=replicate,
                    outcome="diverged" if failed else "completed",
                    message="The loss left the finite numbers." if failed else "",
                    quality={} if failed else {"test_accuracy": test + replicate / 50, "agreement": None},
                    cost={"lost_s": 1.5} if failed else {"synthesis_s": 2.0 + number},
                    objectives={} if failed else {"validation_accuracy": validation},
                    parameters={"method/synthesis/rate": 0.01 * (number + 1)},
                )
            )
    return made_up.write_folder(folder, records, seeds=2, trials=4)


@pytest.fixture(scope="module")
def reported(made_up: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sweep `small`, its report and, under `methods`, its report of methods: made once, and read."""
    home = tmp_path_factory.mktemp("small")
    with pytest.MonkeyPatch.context() as patch:
        leave_out_figures(patch)
        write([small(made_up, home / "small")], home / "report")
        write([home / "small"], home / "methods", "methods")
    return home


def test_the_markdown_report_is_the_golden_one(reported: Path) -> None:
    found = (reported / "report" / "report.md").read_text()
    if os.environ.get(ACCEPT):
        GOLDEN.write_text(found)
    expected = GOLDEN.read_text()
    difference = "\n".join(difflib.unified_diff(expected.split("\n"), found.split("\n"), "golden", "now", lineterm=""))
    assert found == expected, (
        f"{difference}\n\nThe report changed. If that is meant, accept it with\n"
        f"    {ACCEPT}=1 python -m pytest {Path(__file__).relative_to(GOLDEN.parents[2])}"
    )


def test_the_page_asks_nobody_and_holds_the_numbers(reported: Path) -> None:
    page = (reported / "report" / "report.html").read_text()
    requests = Requests()
    requests.feed(page)
    assert requests.found == []
    assert not re.search(r"https?://|@import|url\((?!#)", page)
    for number in ("0.850 ± 0.014", "trial 1", "0.860", "0.660", "1 of 2", "1 completed, 1 diverged"):
        assert number in page
    assert "The loss left the finite numbers." in page


def test_the_numbers_are_right(reported: Path) -> None:
    text = (reported / "report" / "report.md").read_text()
    # Trial 1 has the best validation accuracy, trial 2 the best test accuracy: 0.87 against 0.85.
    assert "Trial 1 is chosen: the highest mean `validation\\_accuracy`".replace("\\_", "_") in text
    assert "Oracle gap: 0.020. Trial 2 is best on test" in text
    assert "It uses real data" in text
    # (0.85 - 0.66) / (0.86 - 0.66), from one teacher accuracy for both seeds.
    assert "0.95 (0.90 to 1.00)" in text
    assert "prior" in text
    assert "acgkd run made-up.yaml" in text


def test_the_terminal_table(made_up: ModuleType, tmp_path: Path) -> None:
    table = pareto_table(small(made_up, tmp_path / "small"))
    assert table["label"].tolist() == [
        "trial 1", "trial 2", "trial 0", "trial 3", "random_graphs", "real_data", "teacher", "majority class",
    ]  # fmt: skip
    assert table["replicates"].tolist()[:4] == ["2 of 2", "2 of 2", "2 of 2", "1 of 2"]
    assert table["chosen"].tolist() == [True, *[False] * 7]
    assert table["validation_accuracy"].tolist()[:3] == pytest.approx([0.9, 0.88, 0.8])
    assert table["test_accuracy"].tolist()[0] == pytest.approx(0.85)
    assert table["on_front"].tolist() == [True, *[False] * 7]
    assert table.attrs == {
        "objective": "validation_accuracy", "direction": "maximize", "searched": True, "students": "",
    }  # fmt: skip


def test_an_empty_folder_gives_a_sensible_report(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    text = write([tmp_path / "empty"], tmp_path / "report").with_name("report.md").read_text()
    assert "No record has been written yet." in text
    assert "No trial is chosen: the sweep's objectives are not known." in text
    assert "`sweep.json` is missing" in text
    assert pareto_table(tmp_path / "empty").empty


def test_only_failed_trials(made_up: ModuleType, tmp_path: Path) -> None:
    records = [made_up.record(label=f"trial {n}", trial=n, outcome="failed", message="boom") for n in range(3)]
    text = (
        write([made_up.write_folder(tmp_path / "s", records)], tmp_path / "report").with_name("report.md").read_text()
    )
    assert "No trial is chosen: no trial has all its replicates completed." in text
    assert text.count("boom") == 3
    assert "there is nothing to draw" in text
    assert not re.search(r"\bnan\b", text)


def test_one_replicate_says_that_it_knows_no_spread(made_up: ModuleType, tmp_path: Path) -> None:
    records = [
        made_up.record(label=f"trial {n}", trial=n, objectives={"validation_accuracy": 0.8 + n / 100}) for n in range(3)
    ]
    folder = made_up.write_folder(tmp_path / "s", records, seeds=1)
    text = write([folder], tmp_path / "report").with_name("report.md").read_text()
    assert "One replicate per trial" in text
    assert "the spread is unknown" in text
    assert "±" not in text.split("## What should I use?")[1].split("| trial 2")[1].split("\n")[0]
    assert "one seed: the gap between teacher and majority class has no interval" in text


def test_without_any_validation_value_nothing_is_chosen(made_up: ModuleType, tmp_path: Path) -> None:
    nothing = {"validation_accuracy": None, "validation_divergence": None}
    records = [
        made_up.record(
            label=f"trial {n}", trial=n, replicate=r, quality=nothing, objectives={"validation_accuracy": None}
        )
        for n in range(3)
        for r in range(2)
    ]
    folder = made_up.write_folder(tmp_path / "s", records, seeds=2)
    text = write([folder], tmp_path / "report").with_name("report.md").read_text()
    assert "No trial is chosen: no complete trial has a value of validation_accuracy." in text.replace("\\_", "_")
    assert "a diagnosis only" in text
    assert "not measured in this sweep" in text


def test_records_alone_are_enough(made_up: ModuleType, tmp_path: Path) -> None:
    records = [made_up.record(replicate=r, objectives={"agreement": 0.9}) for r in range(3)]
    folder = made_up.write_folder(tmp_path / "s", records, metadata=False)
    text = write([folder], tmp_path / "report").with_name("report.md").read_text()
    assert "Trial 0 is chosen" in text
    assert "does not say which objective chooses" in text
    assert "does not say how many replicates" in text


def opened(folder: Path) -> View:
    return view_of(load([folder]))


@pytest.mark.parametrize(("hosts", "warned"), [(("a", "a"), False), (("a", "b"), True)])
def test_seconds_of_several_machines_are_called_incomparable(
    made_up: ModuleType, tmp_path: Path, hosts: tuple[str, str], warned: bool
) -> None:
    records = [made_up.record(replicate=r, environment={"host": host}) for r, host in enumerate(hosts)]
    found = opened(made_up.write_folder(tmp_path, records, seeds=2)).caveats
    assert any("Seconds are not comparable" in text and "hosts (a, b)" in text for text in found) is warned


def test_a_slowing_machine_and_cached_synthesis_are_named(made_up: ModuleType, tmp_path: Path) -> None:
    records = [
        made_up.record(replicate=r, environment={"calibration_s": 0.02 * (1 + r)}, cost={"synthesis_cached": r == 1})
        for r in range(2)
    ]
    text = " ".join(opened(made_up.write_folder(tmp_path, records, seeds=2)).caveats)
    assert "A fixed calculation, timed beside each run, took 0.0200 s to 0.0400 s" in text
    assert "1 replicate took pseudo-samples from the cache" in text


@pytest.mark.parametrize(
    ("seconds", "cpu_s", "device", "said"),
    [
        (163.0, 102.0, "cpu", "1 replicate took much longer than it computed: trial 0, replicate 0 (163 s for 102 s"),
        (163.0, 160.0, "cpu", ""),
        (0.4, 0.1, "cpu", ""),  # a wait of less than a second
        (163.0, 102.0, "cuda", ""),  # which waits for its device by right
        (163.0, None, "cpu", ""),  # as an earlier version wrote it
    ],
)
def test_replicates_that_waited_for_a_shared_machine_are_named(
    made_up: ModuleType, tmp_path: Path, seconds: float, cpu_s: float | None, device: str, said: str
) -> None:
    costs = [{"synthesis_s": seconds - 0.1, "transfer_s": 0.1, "cpu_s": cpu_s}, {"synthesis_s": 1.0, "cpu_s": 3.0}]
    records = [made_up.record(replicate=r, cost=cost, environment={"device": device}) for r, cost in enumerate(costs)]
    folder = made_up.write_folder(tmp_path, records, seeds=2)
    found = [text for text in opened(folder).caveats if "computed" in text]
    assert [text.startswith(said) for text in found] == [True] * bool(said)
    assert pareto_table(folder).attrs.get("seconds", "") == "".join(found), "what the end of `acgkd run` says"
    assert all("not comparable with those of others" in text for text in found)


@pytest.mark.parametrize("cpu_s", [5.5, None])
def test_cpu_time_stands_beside_time_where_it_is_known(
    made_up: ModuleType, tmp_path: Path, cpu_s: float | None
) -> None:
    values = {"cost": {"cpu_s": cpu_s}, "objectives": {"validation_accuracy": 0.8}}
    folder = made_up.write_folder(tmp_path / "s", [made_up.record(**values)], seeds=1)
    view = opened(folder)
    titles = [column.title for column in cost_columns(view)]
    assert titles == ["time", *(["CPU"] if cpu_s else []), "multiply-adds", "per 1,000"]
    assert notes_of(cost_columns(view)).startswith("Time, CPU time and" if cpu_s else "Time and")
    (fact,) = [fact for fact in facts_of(view) if fact.label == "Synthesis + transfer"]
    assert ("5.50 s of CPU time, " in fact.detail) == bool(cpu_s)


def test_provenance_says_the_floor_once_and_the_device_that_was_used(made_up: ModuleType, tmp_path: Path) -> None:
    selection = {"test_accuracy/floor": "control", "test_accuracy/uses_real_data": True}
    records = [
        made_up.record(selection=selection),
        made_up.record(replicate=1, outcome="pruned", environment={"device": "auto"}, selection=selection),
    ]
    blocks = provenance(opened(made_up.write_folder(tmp_path, records, seeds=2)))
    facts = dict(next(block for block in blocks if isinstance(block, Table)).cells())  # type: ignore[arg-type]
    assert facts["floor of test_accuracy"] == "control"
    assert facts["kind of device"] == "cpu"
    assert not [name for name in facts if "uses_real_data" in name]


def test_a_trial_without_any_record_is_still_a_row(made_up: ModuleType, tmp_path: Path) -> None:
    folder = made_up.write_folder(tmp_path / "s", [made_up.record()], seeds=1)
    (folder / "trials" / "0007").mkdir()
    trial = {
        "number": 7,
        "state": "failed",
        "message": "no such layer",
        "attempts": [{"replicate": 0, "attempt": 0, "epoch": 1, "outcome": None}],
    }
    (folder / "trials" / "0007" / "trial.json").write_text(json.dumps(trial))
    tables = {table.name: table for table in rung_blocks(opened(folder)) if isinstance(table, Table)}
    assert tables["trials-at-rungs"].cells()[1] == ["7", "failed", "0 of 1", "no such layer"]
    history = [block for block in outcomes(opened(folder)) if isinstance(block, Table)]
    assert "1 under way" in next(table for table in history if table.name == "attempts").cells()[0][2]


def test_a_kept_front_needs_students_of_several_sizes(made_up: ModuleType, tmp_path: Path) -> None:
    for sizes, drawn in (((61, 61), False), ((61, 90), True), ((None, None), True)):
        records = [
            made_up.record(
                label=f"trial {n}",
                trial=n,
                cost={"student_multiply_adds": size, "student_ms_per_1000": 40 + n},
                objectives={"validation_accuracy": 0.8 + n / 10},
            )
            for n, size in enumerate(sizes)
        ]
        folder = made_up.write_folder(tmp_path / str(sizes), records, seeds=1)
        shown = Report("", "", (), (), (Section("", tuple(tradeoffs(opened(folder)))),))
        names = [table.name for table in shown.tables()]
        assert ("front-inference" in names) is drawn


@pytest.mark.parametrize(
    ("counts", "uses_data", "words"),
    [
        (
            {"validation_classes": 1, "validation_smallest_class": 0},
            True,
            ["validation part has samples of one class"],
        ),
        ({"validation_classes": 1, "validation_smallest_class": 0}, False, []),
        ({"test_classes": 2, "test_smallest_class": 19}, True, ["test part has 19 samples of its rarest class"]),
        ({"test_classes": 2, "test_smallest_class": 20}, True, []),
        ({"test_classes": 2, "test_smallest_class": 0}, True, ["test part has no sample of some class"]),
        (
            {"validation_classes": 2, "validation_smallest_class": 1, "test_classes": 1, "test_smallest_class": 0},
            True,
            ["validation part has 1 sample of its rarest class", "test part has samples of one class only"],
        ),
        ({}, True, []),
    ],
)
def test_parts_that_cannot_judge_are_named_at_the_top(
    made_up: ModuleType, tmp_path: Path, counts: dict[str, int], uses_data: bool, words: list[str]
) -> None:
    records = [made_up.record(replicate=r, quality=counts if r else {}) for r in range(2)]
    objectives = (("validation_accuracy" if uses_data else "agreement", "maximize", uses_data),)
    view = opened(made_up.write_folder(tmp_path, records, seeds=2, objectives=objectives))
    found = [text for text in warnings(view) if "part has" in text]
    assert len(found) == len(words)
    assert all(word in text for word, text in zip(words, found, strict=True))
    assert list(warnings(view))[: len(found)] == found


def test_captions_follow_from_what_is_shown(made_up: ModuleType, reported: Path, tmp_path: Path) -> None:
    text = (reported / "report" / "report.md").read_text()
    assert "per 1,000: the student's" in text
    assert "per 1,000" not in (reported / "methods" / "report.md").read_text()
    assert "not active" not in text
    assert "means of categories" not in text
    nothing = [made_up.record(label=f"trial {n}", trial=n, outcome="failed" if n else "completed") for n in range(2)]
    folder = made_up.write_folder(tmp_path / "unchosen", nothing, seeds=2)
    page = write([folder], tmp_path / "report")
    text = page.with_name("report.md").read_text()
    assert "No trial is chosen" in text
    for word in ("Chosen by", "chose by", "●", "The front is", "The ring"):
        assert word not in text + page.read_text()


def test_collapse_is_a_warning(made_up: ModuleType, tmp_path: Path) -> None:
    records = [made_up.record(replicate=r, quality={"predicted_classes": 1 + r}) for r in range(2)]
    folder = made_up.write_folder(tmp_path / "s", records, seeds=2)
    text = write([folder], tmp_path / "r", "methods").with_name("report.md").read_text()
    assert "1 complete trial with a collapsed student" in text


def test_a_synthesis_that_is_stuck_is_a_warning_and_a_table(made_up: ModuleType, tmp_path: Path) -> None:
    facts = {"hit_rate": 0.58, "synthesis_confidence": 0.9, "classes": 2, "synthesis_classes": 2, "degree_ratio": 0.63}
    records = [
        made_up.record(
            replicate=r, quality={**facts, "hit_rate_lowest": 0.16 + r / 2}, cost={"synthesis_restarts": 2 * r}
        )
        for r in range(2)
    ]
    folder = made_up.write_folder(tmp_path / "s", records, seeds=2)
    text = write([folder], tmp_path / "r").with_name("report.md").read_text()
    assert "1 complete trial with a synthesis that was stuck in at least one replicate." in text
    assert "Health of the synthesis" in text
    (row,) = [line for line in text.splitlines() if "| 1 of 2 |" in line and "0.160" in line]
    assert [cell.strip() for cell in row.split("|")][2:] == [
        "1 of 2", "0.580", "0.160", "0.900", "–", "0.630", "–", "1.000", "",
    ]  # fmt: skip
    plain = made_up.write_folder(tmp_path / "old", [made_up.record()], seeds=1)
    assert "Health of the synthesis" not in write([plain], tmp_path / "p").with_name("report.md").read_text()


def test_several_sweeps_stand_in_one_report(made_up: ModuleType, tmp_path: Path) -> None:
    folders = [small(made_up, tmp_path / name) for name in ("one", "two")]
    path = write(folders, tmp_path / "report")
    text = path.with_name("report.md").read_text()
    assert "# 2 sweeps" in text
    assert "## one: What should I use?" in text
    assert "## two: Can I trust it?" in text
    assert (path.parent / "tables" / "one-best-trials.csv").exists()
    assert (path.parent / "figures" / "two-outcomes.svg").exists()


def test_warnings_of_several_sweeps_name_theirs_and_are_not_repeated(made_up: ModuleType, tmp_path: Path) -> None:
    slow = (
        made_up.record(environment={"calibration_s": 0.02}),
        made_up.record(replicate=1, environment={"calibration_s": 0.04}),
    )
    folders = [
        made_up.write_folder(tmp_path / "even", [made_up.record(), made_up.record(replicate=1)], seeds=2),
        made_up.write_folder(tmp_path / "slowing", list(slow), seeds=2),
    ]
    for name in ("sweep", "methods"):
        text = write(folders, tmp_path / name, name).with_name("report.md").read_text().split("\n## ")[0]
        assert text.count("2 replicates per trial: intervals are wide.") == 1
        assert "`even`" not in "".join(line for line in text.splitlines() if "replicates per trial" in line)
        assert "`slowing`: A fixed calculation" in text


def test_methods_compares_the_chosen_trial_with_the_controls(reported: Path) -> None:
    tables = reported / "methods" / "tables"
    differences = pd.read_csv(tables / "differences.csv").set_index("against")
    assert differences.loc["random_graphs", "difference"] == pytest.approx(0.34)
    assert differences.loc["real_data", "wins"] == 0
    decided = differences["low"].gt(0) | differences["high"].lt(0)
    assert (differences["to_decide"] <= differences["pairs"]).equals(decided)
    assert "| seeds to decide |" in " ".join((reported / "methods" / "report.md").read_text().split())
    methods = pd.read_csv(tables / "methods.csv")
    assert methods["label"].tolist()[-1] == "majority class"
    assert methods["share"].tolist()[0] == pytest.approx(0.95)


def test_a_sweep_without_a_space_is_a_comparison_of_methods(made_up: ModuleType, tmp_path: Path) -> None:
    records = []
    for replicate in range(3):
        records.append(made_up.record(kind="teacher", label="teacher", replicate=replicate))
        for label, accuracy in (("gfkd as released", 0.5), ("real_data", 0.84)):
            quality = {"test_accuracy": accuracy + replicate / 50}
            records.append(
                made_up.record(kind="control", label=label, replicate=replicate, method="gfkd", quality=quality)
            )
        quality = {"test_accuracy": 0.8 + replicate / 50}
        records.append(made_up.record(label="trial 0", trial=0, replicate=replicate, quality=quality))
    folder = made_up.write_folder(tmp_path / "compared", records, trials=1)
    sweep = json.loads((folder / "sweep.json").read_text())
    sweep["spec"]["space"] = None
    (folder / "sweep.json").write_text(json.dumps(sweep))
    path = write([folder], tmp_path / "report")
    page = path.with_name("report.md").read_text()
    assert "# Comparison made-up" in page
    assert "3 methods × 3 replicates" in page
    for word in ("trial 0", "chosen", "Which settings matter", "Pareto"):
        assert word not in page.replace("--trial 0", ""), "there is one trial, and nothing was chosen from"
    table = pd.read_csv(path.parent / "tables" / "methods.csv")
    assert table["label"].tolist() == [
        "acgkd", "gfkd as released", "real_data", "teacher", "majority class",
    ]  # fmt: skip
    differences = pd.read_csv(path.parent / "tables" / "differences.csv").set_index("against")
    assert differences.loc["gfkd as released", "difference"] == pytest.approx(0.3)
    shown = pareto_table(folder)
    assert (shown["label"].tolist()[0], shown.attrs["searched"]) == ("acgkd", False)


def test_errors_are_named(made_up: ModuleType, tmp_path: Path) -> None:
    with pytest.raises(UnknownReportError, match="Did you mean 'sweep'"):
        write([tmp_path], tmp_path / "report", "swep")
    with pytest.raises(MissingFolderError):
        write([tmp_path / "no"], tmp_path / "report")
    folder = made_up.write_folder(tmp_path / "s", [])
    (folder / "records" / "trial-0000-00.json").write_text('{"schema_version": 99}')
    with pytest.raises(RecordError, match="99"):
        pareto_table(folder)
    assert not (tmp_path / "report").exists()


def test_sixty_trials_make_a_whole_page(made_up: ModuleType, tmp_path: Path) -> None:
    folder = made_up.plausible(tmp_path / "sweep")
    path = write([folder], tmp_path / "report")
    page = path.read_text()
    for part in ("Which hyper-parameters decide", "Loss curves of the chosen trial", "active in", "could not be read"):
        assert part in page
    assert len(page) < 1_500_000
    assert len(pd.read_csv(path.parent / "tables" / "trials.csv")) == 64


@pytest.mark.parametrize(
    ("code", "unwanted"),
    [
        ("import analysis.reports; list(analysis.reports.REPORTS)", ("torch", "ray", "optuna", "pandas", "matplotlib")),
        ("import analysis.records.record", ("torch", "ray", "optuna", "pandas", "numpy", "acgkd", "sweeps")),
        ("import analysis.reports.sweep, analysis.reports.methods", ("torch", "ray", "optuna", "acgkd.run", "sweeps")),
    ],
)
def test_what_an_import_does_not_load(code: str, unwanted: tuple[str, ...]) -> None:
    check = f"{code}\nimport sys\nprint([name for name in {unwanted!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_catalogue_lists_files() -> None:
    assert "sweep" in REPORTS
    assert "_view" not in REPORTS
    assert list(REPORTS) == REPORTS.names()


def test_all_records_lie_beside_the_report_as_one_table(reported: Path) -> None:
    folder, out = reported / "small", reported / "report"
    expected = load([folder]).rows
    pd.testing.assert_frame_equal(pd.read_parquet(out / "records.parquet"), expected)
    lines = pd.read_csv(out / "records.csv")
    assert len(lines) == len(expected) == len(list((folder / "records").glob("*.json")))
    assert list(lines.columns) == list(expected.columns)


def test_a_report_answers_six_questions_in_order_and_warns_once(made_up: ModuleType, tmp_path: Path) -> None:
    folder = made_up.plausible(tmp_path / "sweep", trials=8)
    made_up.keep_samples(folder)
    view = opened(folder)
    assert len(view.caveats) > 0, "this sweep ran on two hosts"
    text = write([folder], tmp_path / "report").with_name("report.md").read_text()
    assert re.findall(r"^## (.+)$", text, flags=re.MULTILINE) == [
        "What should I use?", "What does accuracy cost?", "Which settings matter?", "What happened?",
        "Can I trust it?", "What was made?",
    ]  # fmt: skip
    for warning in warnings(view):
        assert text.count(markdown_text(warning)) == 1
