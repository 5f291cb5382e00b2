"""What a report costs, and how soon a browser shows it: `python -m benchmarks.speed.report`."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks._lib.pages import ROOT, Page, arguments
from tests.made_sweep import SEEDS, made_sweep

# At the most records: seconds of CPU, and MB of the page.
TARGETS = {"cpu_s": 20.0, "page_mb": 15.0}


def measure(records: int) -> dict[str, Any]:
    """Makes a sweep and its report, by the command, in a process of its own.

    Returns:
        ``cpu_s``: CPU seconds of the command, start-up included; ``peak_mb``: most memory that it had, MiB; ``page_mb``
        and ``folder_mb``: the page, and it with tables, figures and records, MB; ``load_s``: as `load_s` has it.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = made_sweep(Path(name) / "made", records)
        out = Path(name) / "report"
        command = [sys.executable, "-m", "acgkd", "report", str(folder), "--out", str(out)]
        threads = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        process = subprocess.Popen(command, cwd=ROOT, env={**os.environ, **threads}, stdout=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise SystemExit(f"`acgkd report` of {records} records ended with {process.returncode}.")
        page = out / "report.html"
        return {
            "records": records,
            "cpu_s": usage.ru_utime + usage.ru_stime,
            "peak_mb": usage.ru_maxrss / 1024,
            "page_mb": page.stat().st_size / 1e6,
            "folder_mb": sum(path.stat().st_size for path in out.rglob("*") if path.is_file()) / 1e6,
            "load_s": load_s(page, Path(name) / "profile"),
        }


def load_s(page: Path, profile: Path) -> float | None:
    """Seconds from the request to the end of loading, scripts run, the best of three; None without Chromium."""
    from tests.browser import browser, found

    if not found():
        return None
    with browser(profile) as tab:
        times = list[float]()
        for _ in range(3):
            tab.open(page)
            times.append(tab.run("performance.getEntriesByType('navigation')[0].loadEventEnd"))
        return min(times) / 1000


def main() -> None:
    """Measures and writes the page."""
    parser = arguments(__doc__)
    parser.add_argument("--records", type=int, nargs="+", default=[1000, 10_000])
    chosen = parser.parse_args()
    page = Page("report", "benchmarks.speed.report", ())
    found = [measure(records) for records in sorted(chosen.records)]
    page.write(chosen.out, found=found, seeds=SEEDS)


if __name__ == "__main__":
    main()
