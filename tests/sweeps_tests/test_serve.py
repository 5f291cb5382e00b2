"""`acgkd serve`: the report of a running sweep, asked by real requests, followed, and ended as users end it."""

import html
import json
import os
import re
import signal
import socket
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from analysis.page import html_page
from analysis.page.blocks import Report
from analysis.records import confirmations
from sweeps.executors.base import run_sweep
from sweeps.executors.inprocess import InProcess
from sweeps.interchange import report_server
from sweeps.interchange.report_server import ReportServer
from tests.browser import browser, found
from tests.served import refuses_a_taken_port_and_a_folder_of_no_sweep, serving

ROOT = Path(__file__).parents[2]


def go(lab: ModuleType, folder: Path, **changes: Any) -> None:
    run_sweep(lab.make_spec(**changes), folder, InProcess(), experiments=lab.FakeExperiments())


def ask(url: str, **headers: str) -> str:
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=60) as answer:
        return str(answer.read().decode())


def ask_bytes(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=60) as answer:
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        return bytes(answer.read())


def version(url: str) -> dict[str, Any]:
    facts = json.loads(ask(f"{url}version"))
    assert isinstance(facts, dict)
    return facts


def soon(condition: Callable[[], bool], limit_s: float = 200) -> None:
    end = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.1)


@pytest.fixture
def folder(lab: ModuleType, tmp_path: Path) -> Path:
    go(lab, tmp_path / "s", trials=1)
    return tmp_path / "s"


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def served(
    folder: Path, said: list[str], monkeypatch: pytest.MonkeyPatch, without_figures: None
) -> Iterator[ReportServer]:
    monkeypatch.setattr(report_server, "FOLLOW_S", 0.05)
    monkeypatch.setattr(report_server, "REST", 0)
    server = ReportServer(folder, 0, said.append)
    thread = threading.Thread(target=server.serve, daemon=True)
    thread.start()
    yield server
    server._server._server.shutdown()
    thread.join(30)
    assert not thread.is_alive()


def test_the_page_follows_the_sweep_through_all_that_may_happen(
    lab: ModuleType, folder: Path, served: ReportServer, said: list[str]
) -> None:
    page = ask(served.url)
    assert '<p class="live" role="status" data-version="1"' in page
    assert "connect-src 'self'" in html.unescape(page)
    assert "1 trial ×" in page
    # It is made once, not for each request.
    assert page == ask(served.url)
    assert version(served.url) == {"version": 1, "problem": ""}
    # It answers to this machine alone, with the page and nothing else.
    assert ask(served.url, Host="localhost:1234") == page
    with pytest.raises(urllib.error.HTTPError, match="403"):
        ask(served.url, Host="evil.example")
    # What stands beside a written page can be had, of this page, and no other file.
    for link in re.findall(r'href="([^"#]+)"', page):
        assert ask_bytes(f"{served.url}{link}"), link
    assert ask(f"{served.url}tables/trials.csv").startswith("source,")
    assert ask(f"{served.url}records.csv").count("\n") == len(list((folder / "records").iterdir())) + 1
    for path in ("../sweep.json", "sweep.json", "tables/../../sweep.json", "tables/%2e%2e/spec.yaml", "report.md"):
        with pytest.raises(urllib.error.HTTPError, match="404"):
            ask(f"{served.url}{path}")
    # A connection that says nothing, as browsers open them, blocks nobody.
    with socket.create_connection(("127.0.0.1", int(served.url.rstrip("/").rpartition(":")[2]))):
        assert ask(served.url) == page
    # A folder that is away is said, once, and what was there is still shown; it may come back.
    away = folder.with_name("away")
    folder.rename(away)
    soon(lambda: bool(version(served.url)["problem"]))
    assert ask(served.url) == page
    away.rename(folder)
    soon(lambda: not version(served.url)["problem"])
    assert ["No such file or directory" in line for line in said] == [True]
    # More trials are a later page.
    go(lab, folder, trials=2)
    soon(lambda: "2 trials ×" in ask(served.url))
    assert version(served.url)["version"] > 1


def test_a_page_that_took_long_is_not_made_again_at_once_and_one_of_no_record_is_one(
    folder: Path, monkeypatch: pytest.MonkeyPatch, without_figures: None
) -> None:
    monkeypatch.setattr(report_server, "REST", 10_000)
    server = ReportServer(folder, 0, print)
    server._server._server.server_close()
    for path in (*(folder / "records").iterdir(), *(folder / "trials").glob("*/trial.json")):
        path.unlink()
    server._follow()
    assert server._version == 1
    server._not_before = 0
    server._follow()
    assert server._version == 2
    assert b"No record has been written yet." in server._page


def test_a_record_of_a_confirmation_makes_the_page_anew(tmp_path: Path) -> None:
    (tmp_path / "sweep.json").touch()
    before = report_server._state(tmp_path)
    assert report_server._state(tmp_path) == before
    records = confirmations.folder_of(tmp_path, 7) / "records"
    records.mkdir(parents=True)
    (records / "trial-0000-00.json").touch()
    assert report_server._state(tmp_path) != before


def test_a_page_that_is_not_served_asks_nobody() -> None:
    report = Report("t", "s", (), (), ())
    for word in ("connect-src", 'class="live"', "fetch("):
        assert word not in html_page.html(report)
        assert word in html.unescape(html_page.html(report, live=1))


def test_a_port_that_is_taken_and_a_folder_of_no_sweep_are_refused(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    refuses_a_taken_port_and_a_folder_of_no_sweep("serve", folder, tmp_path, capsys)


@pytest.mark.cluster  # starts commands
@pytest.mark.timeout(600)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_command_shows_a_running_sweep_and_ends_when_it_is_asked_to(
    lab: ModuleType, folder: Path, number: signal.Signals
) -> None:
    with serving("serve", folder) as (process, url):
        running = threading.Thread(target=go, args=(lab, folder), kwargs={"trials": 4})
        running.start()
        soon(lambda: version(f"{url}/")["version"] > 1)
        running.join()
        soon(lambda: "4 trials ×" in ask(f"{url}/"))
        os.killpg(process.pid, number)
        assert process.wait(timeout=100) == 0
        assert process.stdout is not None
        assert "Traceback" not in process.stdout.read()


@pytest.mark.browser
def test_an_open_page_loads_the_later_one_and_stays_where_it_was(
    lab: ModuleType, folder: Path, served: ReportServer, tmp_path: Path
) -> None:
    if not found():
        pytest.skip("no Chromium is installed: looked for chromium, chromium-browser and google-chrome")
    with browser(tmp_path / "profile") as tab:
        tab.open(served.url, 1280, 700)
        tab.run("document.querySelectorAll('details').forEach(element => (element.open = true))")
        tab.run("scrollTo({ top: 900, behavior: 'instant' })")
        go(lab, folder, trials=2)
        soon(lambda: "2 trials ×" in str(tab.run("document.querySelector('.subtitle')?.textContent ?? ''")))
        soon(lambda: tab.run("scrollY") == 900)
        assert tab.run("[...document.querySelectorAll('details')].every(element => element.open)")
        assert tab.said == []
        assert all(url.startswith(("data:", served.url)) for url in tab.requests)
