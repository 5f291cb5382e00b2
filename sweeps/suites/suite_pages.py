"""The comparison pages of a suite: one for each reference, for a page compares with one."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sweeps.suites.suite_folder import SuiteFolder

if TYPE_CHECKING:
    from analysis.comparison.joint import Comparison


@dataclass(frozen=True)
class SuitePage:
    """A comparison that was written.

    Args:
        path: of the page.
        comparison: what it shows.
    """

    path: Path
    comparison: "Comparison"


def write_pages(folder: SuiteFolder) -> list[SuitePage]:
    """Writes the comparisons of a suite into its folder, as far as it has records.

    Raises:
        AnalysisError: a record cannot be read.
    """
    from analysis.api import compare_methods
    from sweeps.interchange.method_defaults import published_methods

    published, pages = published_methods(), []
    for number, (reference, names) in enumerate(folder.require().references.items()):
        begun = [folder.sweep(name) for name in names if has_records(folder.sweep(name))]
        if not begun:
            continue
        comparison = compare_methods(begun, baseline=reference or None, published=published)
        pages.append(SuitePage(comparison.write(folder.comparison(reference, not number)), comparison))
    return pages


def has_records(sweep: Path) -> bool:
    """Whether a sweep has a record of a trial or control, so that there is something to compare."""
    return any(sweep.glob("records/trial-*.json")) or any(sweep.glob("records/control-*.json"))
