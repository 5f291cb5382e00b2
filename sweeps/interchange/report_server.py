"""Serves the report of a sweep, which follows its folder: the page and files of `acgkd report`, on loopback alone."""

import json
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from sweeps.interchange.loopback import LoopbackServer

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment

FOLLOW_S = 2.0
REST = 4
"""A page that took long to make is made again no sooner than so many times as long after: the sweep needs the cores."""
_FOLDERS = ("records", "starts", "curves", "samples")
_FILES = ("sweep.json", "spec.yaml")
_KINDS = {
    "csv": "text/csv; charset=utf-8",
    "md": "text/markdown; charset=utf-8",
    "parquet": "application/vnd.apache.parquet",
    "png": "image/png",
    "svg": "image/svg+xml",
    "tex": "text/plain; charset=utf-8",
}


class ReportServer:
    """The report of one sweep, made again when its records have changed, not for each request.

    Args:
        folder: of the sweep; of one on an object store, its copy here.
        port: of this machine; 0 for any that is free.
        warn: called with a line where the folder cannot be read for now.

    Raises:
        ConfigError: the port is taken.
        RecordError: the folder was written by a newer version.
    """

    def __init__(self, folder: Path, port: int, warn: Callable[[str], None]) -> None:
        self._folder, self._version, self._page = folder, 0, b""
        self._beside: Mapping[str, Callable[[], bytes]] = {}
        self._server = LoopbackServer(port, self._answer, warn)
        self._make(_state(folder))

    @property
    def url(self) -> str:
        """Where a browser finds it."""
        return f"{self._server.url}/"

    def serve(self) -> None:
        """Serves until Ctrl-C or SIGTERM."""
        self._server.serve(self._follow, FOLLOW_S)

    def _make(self, state: object) -> None:
        from analysis.page.html_page import html
        from analysis.page.render import files_beside
        from analysis.records.frame import load
        from analysis.reports import REPORTS
        from analysis.statistics.view import views

        began = time.monotonic()
        frame = load([self._folder])
        report = REPORTS["sweep"](views(frame))
        self._page = html(report, live=self._version + 1).encode()
        self._beside = files_beside(report, frame.rows)
        self._version += 1
        self._seen = state
        self._not_before = time.monotonic() + REST * (time.monotonic() - began)

    def _follow(self) -> None:
        from analysis.stores.copies import here

        here(self._folder)  # of an object store: what is new there
        state = _state(self._folder)
        if state != self._seen and time.monotonic() >= self._not_before:
            self._make(state)

    def _answer(self, environment: "WSGIEnvironment", start: "StartResponse") -> Iterable[bytes]:
        path = environment.get("PATH_INFO", "")
        if path == "/version":
            facts = {"version": self._version, "problem": self._server.problem}
            return _sent(start, "200 OK", "application/json", json.dumps(facts).encode())
        if path in ("", "/"):
            return _sent(start, "200 OK", "text/html; charset=utf-8", self._page)
        # Nothing is looked up on a disk: these are the report's own files, made of it when they are asked for.
        if make := self._beside.get(path.removeprefix("/")):
            return _sent(start, "200 OK", _KINDS[path.rpartition(".")[2]], make())
        return _sent(
            start,
            "404 Not Found",
            "text/plain; charset=utf-8",
            b"There is the report at /, with its tables and figures.\n",
        )


def _sent(start: "StartResponse", status: str, kind: str, body: bytes) -> Iterable[bytes]:
    heads = [("Content-Type", kind), ("Content-Length", str(len(body))), ("Cache-Control", "no-store")]
    start(status, [*heads, ("X-Content-Type-Options", "nosniff")])
    return [body]


def _state(folder: Path) -> object:
    """Changes whenever a file does that the report is made from; files are replaced whole, never written into.

    Raises:
        FileNotFoundError: the folder is not there.
    """
    os.stat(folder / "sweep.json")
    return frozenset(_files(folder))


def _files(folder: Path) -> Iterator[tuple[str, int, int]]:
    paths = [folder / name for name in _FILES]
    for name in _FOLDERS:
        if os.path.isdir(folder / name):
            paths += [Path(entry.path) for entry in os.scandir(folder / name) if not entry.name.startswith(".")]
    paths += list(folder.glob("trials/*/trial.json"))
    paths += list(folder.glob("confirm/*/records/*.json"))
    for path in paths:
        try:
            facts = path.stat()
        except FileNotFoundError:
            continue
        yield (str(path), facts.st_mtime_ns, facts.st_size)
