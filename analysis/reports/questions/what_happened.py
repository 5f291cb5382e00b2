"""What happened? Where trials were stopped and why, who did what when, and how attempts ended."""

from analysis.page.render import Section
from analysis.reports._nodes import nodes
from analysis.reports._outcomes import outcomes
from analysis.reports.questions.rung_blocks import rung_blocks
from analysis.reports.questions.time_blocks import timeline_blocks
from analysis.statistics.view import View

TITLE = "What happened?"


def what_happened(view: View) -> Section:
    """The section."""
    return Section(TITLE, (*rung_blocks(view), *timeline_blocks(view), *nodes(view), *outcomes(view)))
