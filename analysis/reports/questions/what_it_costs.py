"""What does accuracy cost? The fronts, and how the search came to them."""

from analysis.page.render import Section
from analysis.reports._tradeoffs import tradeoffs
from analysis.statistics.view import View

TITLE = "What does accuracy cost?"


def what_it_costs(view: View) -> Section | None:
    """The section; None for a sweep without a space, which has one point."""
    return Section(TITLE, tuple(tradeoffs(view))) if view.searched else None
