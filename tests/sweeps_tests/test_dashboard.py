"""`acgkd dashboard`: a real server, followed by real requests, while the sweep gets further."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from sweeps.cli.app import main
from sweeps.executors.base import run_sweep
from sweeps.executors.inprocess import InProcess
from tests.served import refuses_a_taken_port_and_a_folder_of_no_sweep, serving

ROOT = Path(__file__).parents[2]


def go(lab: ModuleType, folder: Path, **changes: Any) -> None:
    run_sweep(lab.make_spec(**changes), folder, InProcess(), experiments=lab.FakeExperiments())


@pytest.fixture
def folder(lab: ModuleType, tmp_path: Path) -> Path:
    go(lab, tmp_path / "s", trials=2)
    return tmp_path / "s"


@pytest.fixture
def served(folder: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    with serving("dashboard", folder) as found:
        yield found


def ask(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=100) as answer:
        return json.loads(answer.read())


def trials(url: str) -> list[dict[str, Any]]:
    [study] = ask(f"{url}/api/studies")["study_summaries"]
    assert study["study_name"] == "fake"
    found = ask(f"{url}/api/studies/{study['study_id']}?after=0")["trials"]
    assert isinstance(found, list)
    return found


def attributes(url: str) -> dict[str, Any]:
    """What the dashboard knows of the sweep as a whole."""
    [study] = ask(f"{url}/api/studies")["study_summaries"]
    return {item["key"]: item["value"] for item in study["user_attrs"]}


def group_is_gone(leader: int) -> bool:
    try:
        os.killpg(leader, 0)
    except ProcessLookupError:
        return True
    return False


def soon(condition: Callable[[], bool], limit_s: float = 200) -> None:
    end = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.3)


@pytest.mark.cluster
def test_it_serves_the_sweep_and_follows_it(
    lab: ModuleType, folder: Path, served: tuple[subprocess.Popen[str], str]
) -> None:
    process, url = served
    first = trials(url)
    assert [trial["state"] for trial in first] == ["Complete", "Complete"]
    files = lab.trials(folder)
    assert [trial["values"] for trial in first] == [pytest.approx(trial["values"]) for trial in files]
    with urllib.request.urlopen(f"{url}/dashboard", timeout=100) as page:
        assert b"<html" in page.read().lower()
    go(lab, folder, trials=5)
    soon(lambda: len(trials(url)) == 5)
    soon(lambda: all(trial["state"] == "Complete" for trial in trials(url)))
    soon(lambda: attributes(url).get("acgkd:ended") == "5")  # written after the trials
    # From this machine alone; a neighbour's server may have the same port at another of its own addresses.
    port = int(url.rpartition(":")[2])
    listening = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    places = [words[1] for words in listening if words[3] == "0A" and int(words[1].split(":")[1], 16) == port]
    assert f"0100007F:{port:04X}" in places
    assert all(place.endswith(f"7F:{port:04X}") for place in places)
    # Ctrl-C, as a terminal sends it: to all of the group, of which nothing is left.
    os.killpg(process.pid, signal.SIGINT)
    assert process.wait(timeout=100) == 0
    assert process.stdout is not None
    assert "Traceback" not in process.stdout.read()
    soon(lambda: group_is_gone(process.pid), 60)


@pytest.mark.cluster
def test_a_folder_that_is_gone_ends_nothing(folder: Path, served: tuple[subprocess.Popen[str], str]) -> None:
    _, url = served
    folder.rename(folder.with_name("elsewhere"))
    time.sleep(4)
    assert len(trials(url)) == 2


def test_without_the_package_it_says_what_to_install(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "optuna_dashboard", None)
    assert main(["dashboard", str(folder), "--no-browser"]) == 2
    said = " ".join(capsys.readouterr().err.split())
    assert said == (
        "Error: The dashboard needs the package optuna-dashboard, which is not installed. "
        '`pip install "acgkd[dashboard]"` installs it.'
    )


@pytest.mark.cluster  # seconds of imports
def test_a_port_that_is_taken_and_a_folder_of_no_sweep_are_refused(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    refuses_a_taken_port_and_a_folder_of_no_sweep("dashboard", folder, tmp_path, capsys)
