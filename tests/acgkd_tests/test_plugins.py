"""Plug-ins: found without being run, refused by name, imported as their files are, and carried to other processes."""

import pickle
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

import acgkd
from acgkd import plugins
from acgkd.datasets import DATASETS
from acgkd.errors import ConfigError, UnknownNameError
from acgkd.methods import METHODS
from acgkd.models import MODELS
from acgkd.plugins import plugin_places
from acgkd.run.bookkeeping.identity import foreign_code
from analysis.reports import REPORTS
from sweeps.spaces import SPACES
from sweeps.trackers import TRACKERS
from sweeps.worker.experiments import AcgkdExperiments

EXAMPLES = Path(__file__).resolve().parents[2] / "docs" / "examples" / "plugins"
SPACE = "def suggest(trial):\n    trial.suggest_int('method/synthesis/steps', 1, {most})\n"


@pytest.fixture(autouse=True)
def _none_left() -> Iterator[None]:
    yield
    plugins.use_plugins()
    plugins.activate(())


def a_space(path: Path, most: int = 5) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(SPACE.format(most=most))
    return path


def test_one_of_each_kind_is_found_without_running_it() -> None:
    before = set(sys.modules)  # other tests of this process may have used them
    acgkd.use_plugins(EXAMPLES)
    added = {kind: set(plugins.added(kind, ())) for kind in plugins.KINDS}
    assert added == {
        "methods": {"chance"},
        "models": {"oneround"},
        "datasets": {"wheels"},
        "spaces": {"chance_space"},
        "reports": {"endings"},
        "trackers": {"lines"},
    }
    assert not [name for name in set(sys.modules) - before if name.endswith("oneround")]
    for catalog, name in ((METHODS, "chance"), (MODELS, "oneround"), (DATASETS, "wheels"), (SPACES, "chance_space")):
        assert name in catalog
        assert catalog[name] is not None
        assert catalog.source(name) == EXAMPLES / f"{name}.py"
    assert REPORTS["endings"].__name__ == "build"
    assert TRACKERS["lines"].package == "pathlib"
    acgkd.use_plugins()
    assert "chance" not in METHODS
    with pytest.raises(UnknownNameError, match=r"No method is called 'chance'"):
        METHODS["chance"]


def test_files_are_digested_when_they_come_into_use_and_not_when_they_are_looked_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    acgkd.use_plugins(EXAMPLES)
    assert "chance_space" in SPACES
    digested: list[str] = []
    monkeypatch.setattr(plugin_places, "digest_of", digested.extend)
    assert SPACES["chance_space"] is not None
    assert "oneround" in MODELS
    assert not digested


def test_a_file_imports_what_lies_beside_it(tmp_path: Path) -> None:
    folder = a_space(tmp_path / "own" / "mine.py").parent
    (folder / "_shared.py").write_text("MOST = 7\n")
    (folder / "mine.py").write_text("from ._shared import MOST\n\ndef suggest(trial):\n    return MOST\n")
    acgkd.use_plugins(folder)
    assert "_shared" not in SPACES
    assert SPACES["mine"](None) == 7


def test_a_name_that_is_taken_is_refused_with_both_places(tmp_path: Path) -> None:
    first, second = a_space(tmp_path / "a" / "mine.py"), a_space(tmp_path / "b" / "mine.py", most=6)
    with pytest.raises(ConfigError, match=rf"Two spaces are called 'mine': that of {first} and that of {second}"):
        acgkd.use_plugins(first, second.parent)
    with pytest.raises(
        ConfigError, match=r"called 'smoke': that of acgkd itself \(`sweeps.spaces.smoke`\) and that of"
    ):
        acgkd.use_plugins(a_space(tmp_path / "smoke.py"))
    acgkd.use_plugins(first)
    with pytest.raises(ConfigError, match=r"called 'mine'"):
        plugins.activate([second])


@pytest.mark.parametrize("folder_first", [True, False])
def test_a_file_may_be_named_by_itself_and_by_its_folder(folder_first: bool, tmp_path: Path) -> None:
    (tmp_path / "_shared.py").write_text("MOST = 7\n")
    (tmp_path / "mine.py").write_text("from ._shared import MOST\n\ndef suggest(trial):\n    return MOST\n")
    named = [tmp_path, tmp_path / "mine.py"]
    acgkd.use_plugins(*(named if folder_first else reversed(named)))
    assert SPACES["mine"](None) == 7


BAD = {
    "no path": (None, r"but .*mine\.py is none"),
    "no Python": ("def suggest(:\n", r"mine\.py is no Python: invalid syntax.*line 1"),
    "nothing": ("suggestion = 1\n", r"exports one of `METHOD`.*but .*mine\.py has none"),
}


@pytest.mark.parametrize("fault", BAD)
def test_what_is_no_plugin_is_refused(fault: str, tmp_path: Path) -> None:
    text, message = BAD[fault]
    if text is not None:
        (tmp_path / "mine.py").write_text(text)
    with pytest.raises(ConfigError, match=message):
        acgkd.use_plugins(tmp_path / "mine.py")


def test_an_error_of_a_plugin_names_it(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text("import nowhere_at_all\n\ndef suggest(trial): ...\n")
    acgkd.use_plugins(path)
    with pytest.raises(ConfigError, match=r"plug-in .*mine\.py cannot be used: ModuleNotFoundError.*nowhere_at_all"):
        SPACES["mine"]


def test_an_edited_place_is_imported_anew(tmp_path: Path) -> None:
    path = a_space(tmp_path / "mine.py")
    acgkd.use_plugins(path)
    before, digests = SPACES["mine"], plugins.digests(())
    assert SPACES["mine"] is before
    a_space(path, most=50)
    assert SPACES["mine"] is before
    acgkd.use_plugins(path)
    assert SPACES["mine"] is not before
    assert plugins.digests(()).keys() == digests.keys() == {"plugins/mine.py"}
    assert plugins.digests(()) != digests


def test_a_method_of_others_is_known_by_its_code() -> None:
    acgkd.use_plugins(EXAMPLES / "chance.py")
    assert foreign_code(METHODS["chance"].config.__module__)
    assert not foreign_code(METHODS["acgkd"].config.__module__)


def test_distributions_add_entries_by_entry_points(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site = tmp_path / "site"
    a_space(site / "theirs.py")
    info = site / "theirs-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: theirs\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[acgkd.spaces]\ntheir_space = theirs:suggest\n")
    monkeypatch.syspath_prepend(str(site))
    assert "their_space" in SPACES
    assert SPACES["their_space"].__module__ == "theirs"
    assert SPACES.source("their_space") == site / "theirs.py"
    assert list(plugins.digests({"their_space"})) == ["plugins/theirs:suggest (theirs)"]
    assert plugins.digests(set()) == {}
    with pytest.raises(
        ConfigError, match=r"that of the distribution theirs \(`theirs:suggest`\) and that of .*their_space"
    ):
        acgkd.use_plugins(a_space(tmp_path / "their_space.py"))


def test_a_broken_entry_point_names_its_distribution(monkeypatch: pytest.MonkeyPatch) -> None:
    point = EntryPoint("gone", "not_there_at_all:METHOD", "acgkd.methods")
    monkeypatch.setattr(plugins, "_points", lambda kind, search: (point,) if kind == "methods" else ())
    with pytest.raises(ConfigError, match=r"`not_there_at_all:METHOD`\) cannot be used: ModuleNotFoundError"):
        METHODS["gone"]


def test_another_process_uses_them_though_it_does_not_see_the_files(tmp_path: Path) -> None:
    path = a_space(tmp_path / "mine.py")
    acgkd.use_plugins(path)
    carried = tmp_path / "carried"
    carried.write_bytes(pickle.dumps((AcgkdExperiments(), SPACES["mine"])))
    path.unlink()
    code = (
        "import pickle, sys\n"
        f"experiments, suggest = pickle.loads(open({str(carried)!r}, 'rb').read())\n"
        "from acgkd import plugins\n"
        "from sweeps.spaces import SPACES\n"
        "assert SPACES['mine'] is suggest\n"
        "print(plugins.digests(()))"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert said.strip() == str(plugins.digests(()))
