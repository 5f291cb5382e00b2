"""Plug-ins are copied into the sweep folder: what is gone or edited since is run as it was."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from acgkd import plugins
from analysis.stores import copies
from sweeps.cli.app import main
from sweeps.code import plugin_copies
from sweeps.executors.base import run_sweep
from sweeps.executors.inprocess import InProcess
from sweeps.store.writable import place_of

EXAMPLES = Path(__file__).resolve().parents[2] / "docs" / "examples" / "plugins"
QUICK = ["teacher/epochs=1", 'method/synthesis={"steps": 2}', "controls=[]", "trackers=[]", "budget/trials=1"]


@pytest.fixture
def at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with a spec, its plug-in, a folder, and the sweep of both."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(EXAMPLES, tmp_path / "own", ignore=shutil.ignore_patterns("__pycache__", "sweep.yaml"))
    (tmp_path / "sweep.yaml").write_text((EXAMPLES / "sweep.yaml").read_text().replace("plugins: .", "plugins: own"))
    assert main(["run", *said("sweep.yaml", "run")]) == 0
    plugins.activate(())  # as in another process
    yield tmp_path
    plugins.activate(())
    plugins.stand_in({})


def said(spec: str, folder: str, *more: str) -> list[str]:
    changes = [part for text in (*QUICK, *more) for part in ("--set", text)]
    return [spec, "--out", folder, "--in-process", "--trust-code", *changes]


def file_of(at: Path, folder: str) -> dict[str, object]:
    return dict(json.loads((at / folder / "sweep.json").read_text()))


def digests(at: Path, folder: str) -> list[dict[str, str]]:
    records = [json.loads(path.read_text()) for path in sorted((at / folder / "records").glob("*.json"))]
    return [record["code"]["files"] for record in records]


def test_a_sweep_whose_plugins_are_gone_is_resumed_reproduced_confirmed_forked_and_packed(
    at: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    [(path, digest)] = dict(file_of(at, "run")["plugins"]).items()  # type: ignore[call-overload]
    assert path == str(at / "own")
    copy = at / "run" / "code" / "plugins" / digest / "own"
    assert {file.name: file.read_bytes() for file in copy.glob("*.py")} == {
        file.name: file.read_bytes() for file in (at / "own").glob("*.py")
    }
    assert main(["pack", "run", "--out", "packed.parquet"]) == 0
    shutil.rmtree(at / "own")

    assert main(["reproduce", "run", "--trial", "0", "--out", "again"]) == 2  # still code, and still to be trusted
    assert main(["reproduce", "run", "--trial", "0", "--out", "again", "--trust-code"]) == 0
    assert main(["confirm", "run", "--seeds", "1", "--trust-code", "--in-process"]) == 0
    capsys.readouterr()
    assert main(["run", *said("sweep.yaml", "run", "budget/trials=2")]) == 0
    assert f"The plug-in {at / 'own'} is not there any more" in " ".join(capsys.readouterr().err.split())
    assert file_of(at, "run")["plugins"] == {path: digest}
    more = [part for text in [*QUICK, "budget/trials=3"] for part in ("--set", text)]
    assert main(["fork", "run", "sweep.yaml", "--out", "two", "--trust-code", *more]) == 0
    assert main(["run", *said("sweep.yaml", "two", "budget/trials=3")]) == 0
    assert main(["unpack", "packed.parquet", "--spec", "sweep.yaml", "--out", "three", "--trust-code", *more]) == 0
    assert main(["run", *said("sweep.yaml", "three", "budget/trials=3")]) == 0
    assert main(["merge", "packed.parquet", "packed.parquet", "--out", "merged.parquet"]) == 0
    found = [files for folder in ("run", "again", "two", "three") for files in digests(at, folder)]
    assert len(found) == 3 + 2 + 4 + 4
    assert all(files == found[0] for files in found)


def test_what_was_edited_since_is_reproduced_as_it_was_and_refused_where_the_sweep_continues(
    at: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    method = at / "own" / "chance.py"
    method.write_text(f"{method.read_text()}\n# edited\n")
    assert main(["reproduce", "run", "--trial", "0", "--out", "again", "--trust-code"]) == 0
    assert digests(at, "again") == digests(at, "run")
    plugins.activate(())
    more = said("sweep.yaml", "run", "budget/trials=2")
    assert main(["run", *more]) == 2
    assert "plugins/own/chance.py" in capsys.readouterr().err
    assert main(["run", *more, "--accept-code-change"]) == 0
    assert len(list((at / "run" / "code" / "plugins").iterdir())) == 2

    [(_, digest)] = dict(file_of(at, "run")["plugins"]).items()  # type: ignore[call-overload]
    kept = at / "run" / "code" / "plugins" / digest / "own" / "chance.py"
    kept.write_text(f"{kept.read_text()}\n# edited too\n")
    plugins.activate(())
    assert main(["reproduce", "run", "--trial", "0", "--out", "other", "--trust-code"]) == 2
    assert "was changed. Put it back" in " ".join(capsys.readouterr().err.split())


def test_a_sweep_whose_plugins_are_gone_takes_points_and_is_submitted(
    at: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = {path.name: path.read_bytes() for path in (at / "own").glob("*.py")}
    shutil.rmtree(at / "own")
    point = ["enqueue", "run", "synthesis/degree=2.5"]
    assert main(point) == 2
    assert "Add `--trust-code` to allow it." in " ".join(capsys.readouterr().err.split())
    assert main([*point, "--trust-code"]) == 0
    assert main(point) == 0, "this process uses them already"
    assert "Enqueued: method/synthesis/degree=2.5." in capsys.readouterr().out
    assert main(["enqueue", "run", "--trust-code", "synthesis/degree=7"]) == 2
    plugins.activate(())
    moved = at / "moved"
    moved.mkdir()
    for name, content in kept.items():
        (moved / name).write_bytes(content.replace(b"6.0", b"8.0"))
    assert main(["enqueue", "run", "--trust-code", "--plugin", "moved", "synthesis/degree=7"]) == 0
    assert len(list((at / "run" / "queue").glob("*.json"))) == 3

    class Server:
        def __init__(self, address: str) -> None: ...

        def jobs(self) -> list[object]:
            return []

        def submit(self, name: str, entrypoint: str, files: Path) -> None:
            shutil.copytree(files, at / "travelled")

    monkeypatch.setattr("sweeps.executors.job_server.client.JobServer", Server)
    changes = [part for text in QUICK for part in ("--set", text)]
    assert main(["submit", "sweep.yaml", "--address", "http://a:1", "--out", "run", "--trust-code", *changes]) == 0
    assert f"The plug-in {at / 'own'} is not there any more" in " ".join(capsys.readouterr().out.split())
    assert {path.name: path.read_bytes() for path in (at / "travelled").rglob("own/*.py")} == kept


def test_copies_lie_on_an_object_store_too(
    lab: ModuleType, address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = tmp_path / "more_steps.py"
    own.write_text("def suggest(trial):\n    trial.suggest_int('method/synthesis/steps', 2, 4)\n")
    try:
        plugins.use_plugins(own)
        spec = lab.make_spec(trials=1, seeds=(0,))
        run_sweep(spec, address, InProcess(), experiments=lab.FakeExperiments())
        plugins.use_plugins()
        own.unlink()
        monkeypatch.setattr(copies, "_copies", {})  # as in another process
        folder = place_of(address)
        plugin_copies.stand_in(folder)
        plugins.use_plugins(own)
        ((path, copy),) = plugin_copies.gone().items()
        assert path == own
        assert copy.is_relative_to(folder / "code" / "plugins")
        assert "more_steps" in plugins.added("spaces", ())
    finally:
        plugins.stand_in({})
        plugins.use_plugins()
