"""What people call: typed, lazily imported, and with an answer for whatever is asked wrongly."""

import importlib
import pkgutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import FunctionType, ModuleType

import pandas as pd
import pytest
from matplotlib.figure import Figure

import analysis
from acgkd.errors import AnalysisError, FrameError, MissingFolderError, NothingToShowError, SourceError
from analysis.records.frame import Frame
from tests.analysis_tests.planted import halved

GOLDEN = Path(__file__).parents[1] / "golden"
FIGURES = (
    "curves",
    "hyperparameters",
    "importance",
    "outcomes",
    "pairs",
    "parallel",
    "progress",
    "rungs",
    "samples",
    "seeds",
    "selection",
    "timeline",
    "tradeoff",
)


@pytest.fixture(scope="module")
def frame(made_up: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Frame:
    folder = made_up.plausible(tmp_path_factory.mktemp("api") / "sweep", trials=30)
    made_up.keep_samples(folder)
    return analysis.load(folder)


@pytest.fixture(scope="module")
def raced(tmp_path_factory: pytest.TempPathFactory) -> Frame:
    """Of a sweep that stopped a trial early."""
    values: dict[int, dict[str, float | None]] = {0: {"1": 0.2, "2": 0.15, "3": 0.12}, 1: {"1": 0.5}}
    return analysis.load(halved(tmp_path_factory.mktemp("raced") / "sweep", values))


@pytest.mark.parametrize(
    "code",
    [
        "import analysis",
        "import analysis; dir(analysis); analysis.figures; dir(analysis.figures); analysis.reports",
        "import analysis.records.trial_file, analysis.records.sweep_file, analysis.records.record_file",
    ],
)
def test_looking_loads_neither_pandas_nor_matplotlib(code: str) -> None:
    heavy = ("pandas", "numpy", "matplotlib", "torch", "ray", "optuna")
    program = f"{code}\nimport sys\nprint([name for name in {heavy!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_public_names_are_documented_functions_and_stay_so_when_every_module_is_imported() -> None:
    for found in pkgutil.walk_packages(analysis.__path__, "analysis."):
        importlib.import_module(found.name)
    for name in ("load", "pareto", "compare", "importance"):
        function = getattr(analysis, name)
        assert isinstance(function, FunctionType)
        assert all(f"{part}:" in (function.__doc__ or "") for part in ("Args", "Returns", "Raises", "Example"))
    assert set(analysis.figures.__all__) == set(FIGURES)
    for name in FIGURES:
        function = getattr(analysis.figures, name)
        assert isinstance(function, FunctionType)
        assert all(f"{part}:" in (function.__doc__ or "") for part in ("Args", "Returns", "Raises", "Example"))
    for package in (analysis, analysis.figures):
        modules = {found.name for found in pkgutil.iter_modules(package.__path__)}
        functions = {name for name in package.__all__ if isinstance(getattr(package, name), FunctionType)}
        assert modules.isdisjoint(functions)


def test_an_unknown_name_is_an_error() -> None:
    for module in (analysis, analysis.figures):
        with pytest.raises(AttributeError, match=r"Public names: .*importance"):
            module.imporance  # noqa: B018


def test_a_frame_says_what_it_holds(frame: Frame) -> None:
    assert (
        repr(frame) == f"<Frame of sweep: 30 trials, 2 controls, 1 teacher; {len(frame.rows)} rows, 1 file unreadable>"
    )
    assert "30 trials" in frame._repr_html_()
    assert repr(analysis.load()) == "<Frame of no sweep: 0 trials, 0 controls, 0 teachers; 0 rows>"


# ---- the front


def test_the_front_is_the_sweeps_own_or_any_other(frame: Frame) -> None:
    own = analysis.pareto(frame)
    assert own["objective/validation_accuracy"].is_monotonic_decreasing
    assert own["objective/multiply_adds"].is_monotonic_decreasing
    by_name = analysis.pareto(frame, {"validation_accuracy": "maximize", "multiply_adds": "minimize"})
    pd.testing.assert_frame_equal(own, by_name)
    assert set(own.columns) >= {"trial", "method", "test_accuracy_sd", "seconds", "param/method/synthesis/rate"}
    alone = analysis.pareto(frame, {"test_accuracy": "maximize"})
    complete = frame.rows[(frame.rows["kind"] == "trial") & (frame.rows["outcome"] == "completed")]
    means = complete.groupby("trial")["test_accuracy"].agg(["mean", "size"])
    assert alone["test_accuracy"].tolist() == pytest.approx([means.loc[means["size"] == 3, "mean"].max()])


# ---- a comparison


def test_a_comparison_finds_runs_by_number_label_and_choice(frame: Frame) -> None:
    chosen = int(analysis.reports.pareto_table(frame).query("chosen")["trial"].iloc[0])
    found = [analysis.compare(frame, which, "random_graphs") for which in (chosen, f"trial {chosen}", "chosen")]
    assert found[0] == found[1] == found[2]
    assert found[0].wins == 3
    back = analysis.compare(frame, "random_graphs", "chosen")
    assert back.difference.mean == -found[0].difference.mean
    assert analysis.compare(frame, "chosen", "random_graphs", column="seconds").difference.n == 3


def test_two_sweeps_of_one_frame_are_compared(made_up: ModuleType, tmp_path: Path) -> None:
    for name, accuracy in (("one", 0.8), ("two", 0.7)):
        records = [
            made_up.record(replicate=r, quality={"test_accuracy": accuracy + r / 100}, vary=("draws",))
            for r in range(3)
        ]
        made_up.write_folder(tmp_path / name, records)
    frame = analysis.load(tmp_path / "one", tmp_path / "two")
    assert analysis.compare(frame, 0, 0, source=("one", "two")).difference.mean == pytest.approx(0.1)
    with pytest.raises(SourceError, match=r"holds 2: one, two"):
        analysis.compare(frame, 0, 0)
    with pytest.raises(SourceError, match=r"called 'three'. Known: one, two"):
        analysis.pareto(frame, source="three")


# ---- importance


def test_importance_is_a_table_of_shares(made_up: ModuleType, tmp_path: Path) -> None:
    frame = analysis.load(made_up.plausible(tmp_path / "sweep"))
    table = analysis.importance(frame)
    assert table["importance"].sum() == pytest.approx(1)
    assert table["importance"].is_monotonic_decreasing
    assert "method/synthesis/rate" in set(table["parameter"])
    by_name = analysis.importance(frame, "validation_accuracy")
    pd.testing.assert_frame_equal(table, by_name)
    assert not analysis.importance(frame, "seconds", "minimize").equals(table)


def test_null_is_the_best_category_from_packed_records() -> None:
    table = analysis.importance(analysis.load(GOLDEN / "packed_version_1.parquet"), "seconds", "minimize")
    assert "null" in set(table["best"])


# ---- what is asked wrongly


@pytest.mark.parametrize(
    ("ask", "error", "words"),
    [
        (lambda frame: analysis.load("nowhere"), MissingFolderError, "nowhere"),
        (lambda frame: analysis.load(__file__), MissingFolderError, "neither"),
        (lambda frame: analysis.pareto(frame, {"speed": "minimize"}), FrameError, "none called 'speed'"),
        (lambda frame: analysis.pareto(frame, {"label": "minimize"}), FrameError, "`label` holds string"),
        (lambda frame: analysis.pareto(frame, {"seconds": "down"}), AnalysisError, "minimize"),
        (lambda frame: analysis.compare(frame, 999, 0), SourceError, "has no 999"),
        (lambda frame: analysis.compare(frame, "nois", 0), SourceError, "has no 'nois'. It has random_graphs"),
        (lambda frame: analysis.compare(frame, 0, 1, column="host"), FrameError, "`host` holds string"),
        (lambda frame: analysis.importance(frame, "seconds"), FrameError, "`direction` must say"),
        (lambda frame: analysis.importance(frame, "peak_device_bytes", "minimize"), NothingToShowError, "there are 0"),
        (lambda frame: analysis.figures.tradeoff(frame, "money"), SourceError, "got 'money'"),
        (lambda frame: analysis.figures.progress(frame, "money"), SourceError, "trials, seconds, .*got 'money'"),
        (lambda frame: analysis.figures.curves(frame, trial=999), NothingToShowError, "trial 999"),
        (lambda frame: analysis.figures.samples(frame, "nois"), NothingToShowError, "of nois were kept"),
    ],
)
def test_what_is_asked_wrongly_gets_an_answer(
    frame: Frame, ask: Callable[[Frame], object], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        ask(frame)


def test_a_list_of_folders_is_a_fault_that_says_how_to_give_them(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match=r"`load` takes paths of folders, `load\(\*folders\)`, but got .* list"):
        analysis.load([tmp_path])  # type: ignore[arg-type]


def test_nothing_to_show_is_an_error(tmp_path: Path) -> None:
    frame = analysis.load(tmp_path)
    for name in FIGURES:
        with pytest.raises(NothingToShowError):
            getattr(analysis.figures, name)(frame)
    assert analysis.pareto(frame).empty
    with pytest.raises(SourceError, match=r"No trial of .* is chosen"):
        analysis.compare(frame, "chosen", "noise")
    with pytest.raises(NothingToShowError):
        analysis.importance(frame)


# ---- figures


@pytest.mark.parametrize("name", FIGURES)
def test_every_figure_can_be_saved_and_shows_itself(frame: Frame, raced: Frame, tmp_path: Path, name: str) -> None:
    figure = getattr(analysis.figures, name)(raced if name == "rungs" else frame)
    assert isinstance(figure, Figure)
    for kind in ("svg", "pdf") if name == "outcomes" else ("svg",):
        figure.savefig(tmp_path / f"{name}.{kind}")
        assert (tmp_path / f"{name}.{kind}").stat().st_size > 1000
    figure.set_dpi(40)
    assert figure._repr_png_()[:4] == b"\x89PNG"


def test_the_figures_of_the_api_are_those_of_the_report(
    frame: Frame, raced: Frame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from analysis.figures.canvas import SETTINGS, Picture, picture
    from analysis.reports.questions.rung_blocks import rung_blocks
    from analysis.statistics.view import view_of

    monkeypatch.setattr("analysis.figures.drawing.svg_of", lambda drawn: "<svg/>")  # the other rendering of the same
    monkeypatch.setitem(SETTINGS, "figure.dpi", 40)
    figures = {
        "tradeoff-seconds": analysis.figures.tradeoff(frame),
        "tradeoff-multiply-adds": analysis.figures.tradeoff(frame, "multiply_adds"),
        "hyper-parameters": analysis.figures.hyperparameters(frame),
        "importance": analysis.figures.importance(frame),
        "loss-curves": analysis.figures.curves(frame),
        "outcomes": analysis.figures.outcomes(frame),
        "samples-random-graphs": analysis.figures.samples(frame, "random_graphs"),
        "selection": analysis.figures.selection(frame),
        "seeds": analysis.figures.seeds(frame),
        "timeline": analysis.figures.timeline(frame),
        "all-settings": analysis.figures.parallel(frame),
        "setting-pairs": analysis.figures.pairs(frame),
        "progress-trials": analysis.figures.progress(frame),
        "progress-multiply-adds": analysis.figures.progress(frame, "multiply_adds"),
    }

    def asked_for(name: str, title: str, caption: str, drawn: Figure, finding: str = "") -> Picture:
        """Other figures of the report are made and not rendered."""
        return picture(name, title, caption, drawn, finding) if name in figures else Picture(name, "", "", "", b"")

    rungs = rung_blocks(view_of(raced))[0]
    assert isinstance(rungs, Picture)
    assert rungs.png == picture("rungs", "", "", analysis.figures.rungs(raced)).png
    for module in [module for name, module in sys.modules.items() if name.startswith("analysis.")]:
        if getattr(module, "picture", None) is picture:
            monkeypatch.setattr(module, "picture", asked_for)
    page = analysis.reports.write(frame, tmp_path / "report")
    for stem, figure in figures.items():
        assert picture(stem, "", "", figure).png == (page.parent / "figures" / f"{stem}.png").read_bytes(), stem


@pytest.mark.usefixtures("without_figures")
def test_a_folder_is_read_once_for_a_report_and_its_table(
    made_up: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from analysis.statistics import view as views

    made: list[str] = []
    of = views.View.of
    monkeypatch.setattr(views.View, "of", lambda frame, metadata: made.append(metadata.source) or of(frame, metadata))
    opened: list[Path] = []
    read = Path.read_text
    monkeypatch.setattr(Path, "read_text", lambda path, **how: opened.append(path) or read(path, **how))
    frame = analysis.load(made_up.plausible(tmp_path / "sweep", trials=4))
    analysis.reports.write(frame, tmp_path / "report")
    analysis.reports.pareto_table(frame)
    assert made == ["sweep"]
    ours = [path for path in opened if path.parent.name == "records" or path.name in ("sweep.json", "trial.json")]
    assert len(ours) == len(set(ours)) > 10
