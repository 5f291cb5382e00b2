"""A folder of bad specs: each gets its clear error and exit code 2; nothing is started and nothing written.

The fault that a file must get, and no other, stands in its first two lines: `# at:` its path, `# says:` a part of the
message. What cannot be a file in a repository is made here.
"""

import io
import os
import pickle
import shutil
import struct
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest
import torch
from rich.console import Console

from acgkd.models import build_model
from sweeps.cli import console
from sweeps.cli.app import main
from sweeps.cli.commands import distill

FOLDER = Path(__file__).resolve().parents[1] / "bad_specs"
FILES = sorted(FOLDER.glob("*.yaml"))
PLAIN = "dataset: motifs\nteacher: gin-5-64\nstudent: gin-3-32\nmethod: acgkd\nspace: smoke\nbudget: {trials: 1}\n"


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """An empty working folder, a home of its own, and nothing that may be started."""
    work, home = tmp_path / "work", tmp_path / "home"
    work.mkdir()
    home.mkdir()
    monkeypatch.chdir(work)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("ACGKD_CACHE", str(home / "cache"))
    monkeypatch.delenv("ACGKD_DATA", raising=False)

    def started(*_, **__):
        raise AssertionError("a bad spec was started")

    monkeypatch.setattr("sweeps.executors.base.run_sweep", started)
    monkeypatch.setattr(distill, "_run", started)
    yield work
    assert list(work.iterdir()) == []
    assert list(home.iterdir()) == []


def call(monkeypatch, *arguments) -> tuple[int, str]:
    """Exit code, and what was written to standard error, unwrapped."""
    stream = io.StringIO()
    monkeypatch.setattr(console, "err", Console(file=stream, width=10_000, color_system=None))
    code = main([str(argument) for argument in arguments])
    return code, stream.getvalue()


@pytest.fixture(scope="module")
def copies(tmp_path_factory):
    """The folder, with a teacher beside the specs."""
    copied = shutil.copytree(FOLDER, tmp_path_factory.mktemp("specs") / "bad_specs")
    torch.save(build_model("gin-2-8", 10, 2).state_dict(), copied / "teacher.pt")
    return copied


def test_there_are_at_least_forty():
    assert len(FILES) >= 40


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_each_bad_file_gets_its_fault(path, copies, elsewhere, monkeypatch):
    at, says = (line.partition(":")[2].strip() for line in path.read_text().splitlines()[:2])
    path = copies / path.name
    code, output = call(monkeypatch, "run", path)
    assert code == 2
    assert "has 1 fault. Nothing was started." in output
    assert [line.split("  ")[1] for line in output.splitlines()[1:] if line.startswith(str(path))] == [at]
    assert says in output
    assert len(output.splitlines()) < 20


@pytest.mark.parametrize("command", ["check", "distill", "run"])
def test_every_command_that_reads_specs_refuses_them(command, elsewhere, monkeypatch):
    assert call(monkeypatch, command, FOLDER / "zero_trials.yaml")[0] == 2


def test_a_hundred_megabytes_are_not_read(tmp_path, elsewhere, monkeypatch):
    path = tmp_path / "large.yaml"
    with path.open("wb") as file:
        file.truncate(100 * 2**20)
    start = time.perf_counter()
    code, output = call(monkeypatch, "check", path)
    assert (code, "100.0 MiB" in output) == (2, True)
    assert time.perf_counter() - start < 1


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda path: None, "There is no such file"),
        (lambda path: path.mkdir(), "this is a folder"),
        (lambda path: os.mkfifo(path), "a device or a pipe"),
        (lambda path: path.symlink_to(path), "cannot be read"),
        (lambda path: path.write_bytes(pickle.dumps({"a": 1})), "text in UTF-8"),
        (lambda path: path.write_bytes(PLAIN.encode("utf-16")), "UTF-16"),
        (lambda path: path.write_bytes(b"name: a\0b\n"), "zero bytes"),
    ],
    ids=["missing", "folder", "pipe", "link to itself", "pickle", "utf-16", "zero bytes"],
)
def test_what_is_no_text_file_is_refused(make, says, tmp_path, elsewhere, monkeypatch):
    path = tmp_path / "spec.yaml"
    make(path)
    code, output = call(monkeypatch, "run", path)
    assert code == 2
    assert says in output
    assert output.count("1 fault") == 1, "an error within an error"


def test_an_unreadable_file_is_refused(tmp_path, elsewhere, monkeypatch):
    path = tmp_path / "spec.yaml"
    path.write_text(PLAIN)
    # The tests may run as root, whom no permission stops: so the system's answer is made here.
    monkeypatch.setattr(os, "access", lambda *_: False)
    code, output = call(monkeypatch, "run", path)
    assert code == 2
    assert "you have no permission" in output


class Bomb:
    """Runs a command when unpickled."""

    def __reduce__(self):
        return (os.system, ("touch exploded",))


def _pickle_bomb(path: Path) -> None:
    torch.save({"weight": Bomb()}, path)


def _bare_pickle(path: Path) -> None:
    path.write_bytes(pickle.dumps(Bomb()))


def _memory_bomb(path: Path) -> None:
    """Asks for 2 GB in a kilobyte: `bytearray(2_000_000_000)`."""
    code = b"\x80\x02c__builtin__\nbytearray\nJ" + struct.pack("<i", 2_000_000_000) + b"\x85R."
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", code)
        archive.writestr("archive/version", "3\n")


def _deflated(path: Path) -> None:
    """A tensor that unfolds a thousandfold."""
    torch.save({"weight": torch.zeros(2_000_000)}, path)
    with zipfile.ZipFile(path) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)


def _torn(path: Path) -> None:
    torch.save({"weight": torch.zeros(1000)}, path)
    path.write_bytes(path.read_bytes()[:500])


def _other_model(path: Path) -> None:
    torch.save({"weight": torch.zeros(3)}, path)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (_pickle_bomb, "It was not opened"),
        (_bare_pickle, "damaged or not a checkpoint"),
        (_memory_bomb, "It was not opened"),
        (_deflated, "must be stored uncompressed"),
        (_torn, "damaged or not a checkpoint"),
        (_other_model, "must fit the model"),
    ],
)
def test_a_dangerous_or_foreign_checkpoint_is_refused_unopened(make, says, tmp_path, elsewhere, monkeypatch):
    make(tmp_path / "teacher.pt")
    path = tmp_path / "spec.yaml"
    teacher = "{preset: gin-5-64, checkpoint: teacher.pt}"
    path.write_text(PLAIN.replace("teacher: gin-5-64", f"teacher: {teacher}") + "objectives: [agreement]\n")
    code, output = call(monkeypatch, "run", path)
    assert code == 2
    assert "teacher/checkpoint" in output
    assert says in output


@pytest.mark.parametrize("name", ["alias_cycle", "nsga2_with_halving", "many"])
def test_the_installed_command_does_the_same(name, tmp_path):
    path = FOLDER / f"{name}.yaml"
    if name == "many":
        path = tmp_path / "many.yaml"
        path.write_text("teacher: 3\nbudged: {}\n")
    work = tmp_path / "work"
    work.mkdir()
    code = "import sys; from sweeps.cli.app import main; sys.exit(main())"
    done = subprocess.run(
        [sys.executable, "-c", code, "run", str(path)],
        cwd=work,
        env={**os.environ, "PYTHONPATH": str(FOLDER.parents[1]), "COLUMNS": "100"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    assert done.stdout == ""
    assert "Nothing was started." in done.stderr
    assert "Traceback" not in done.stderr
    assert max(map(len, done.stderr.splitlines())) <= max(100, len(str(path)) + 60)
    assert list(work.iterdir()) == []


def test_a_number_that_breaks_a_law_is_not_said_to_be_no_number(elsewhere, capsys) -> None:
    assert main(["check", str(FOLDER / "negative_memory.yaml")]) == 2
    assert "must be one of" not in capsys.readouterr().err
