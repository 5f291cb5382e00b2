"""Pages of results: what a script measured, filled into a template of prose in docs/results/templates."""

import argparse
import datetime
import math
import os
import platform
import statistics
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "docs" / "results"


def arguments(text: str | None, records: str = "") -> argparse.ArgumentParser:
    """A parser with a script's docstring as help, ``--out`` for its page, and ``--records`` if it keeps such a file."""
    parser = argparse.ArgumentParser(description=text, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, help="the page, instead of its place in docs/results")
    if records:
        parser.add_argument("--records", type=Path, default=RESULTS / "records" / records)
    return parser


class Page:
    """A page of results; made before anything is measured, for it notes how busy the machine is.

    Args:
        name: of the page, and of its template.
        script: the module that makes it: ``benchmarks.speed.overhead``.
        arguments: of the script; those of this process if left out.
    """

    def __init__(self, name: str, script: str, arguments: Sequence[str] | None = None) -> None:
        self.file = RESULTS / f"{name}.md"
        self.template = RESULTS / "templates" / f"{name}.md.j2"
        self.command = " ".join(["python", "-m", script, *(sys.argv[1:] if arguments is None else arguments)])
        self.script, self.load = script, os.getloadavg()[0]

    def text(self, **measured: Any) -> str:
        """The page.

        Args:
            measured: what the template calls by these names, besides `command`, `date`, `load`, `machine`, the
                functions below, and the constants of the script.
        """
        # Here, so that what is measured needs no pandas.
        from analysis.comparison.templates.filling import rendered

        script = vars(sys.modules.get(self.script) or sys.modules["__main__"])
        words = {name: value for name, value in script.items() if name.isupper()}
        words |= {"command": self.command, "date": f"{datetime.datetime.now(datetime.UTC):%Y-%m-%d}", "load": self.load}
        functions = (spread, ratios, verdict, judged, statistics.median)
        words |= {function.__name__: function for function in functions} | {"machine": self._machine}
        return rendered(self.template, words | measured)

    def write(self, out: Path | None = None, **measured: Any) -> Path:
        """Writes the page to its place in docs/results, or to another file."""
        path = out or self.file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(self.text(**measured), encoding="utf-8")
        print(f"Page: {path}")
        return path

    def _machine(self, *packages: str) -> str:
        versions = ", ".join([f"Python {platform.python_version()}", *(f"{name} {version(name)}" for name in packages)])
        where = f"{os.cpu_count()} cores, {platform.machine()}, {platform.system()}"
        return f"{where}; load average at the start {self.load:.1f}. {versions}."


def spread(values: Sequence[float], form: str = ".1f", times: float = 1.0) -> str:
    """``median (least to most)`` of a multiple of some values; a dash of none, or where one is not known."""
    if not values or any(map(math.isnan, values)):
        return "–"
    middle, least, most = (
        format(times * value, form) for value in (statistics.median(values), min(values), max(values))
    )
    return middle if len(values) == 1 else f"{middle} ({least} to {most})"


def ratios(above: Sequence[float], below: Sequence[float]) -> list[float]:
    """Of two rows of seconds, round by round; none where one has none, or what is below is too small to be measured."""
    if not above or not below or min(below) <= 0:
        return []
    return [one / other for one, other in zip(above, below, strict=True)]


def judged(found: Sequence[float], least: float = -math.inf, most: float = math.inf) -> str:
    """What was found, and whether its median lies between two bounds."""
    if not found:
        return "not measured"
    return f"{spread(found, '.2f')}, {verdict(least <= statistics.median(found) <= most)}"


def verdict(met: bool) -> str:
    """Of a target."""
    return "**met**" if met else "**missed**"
