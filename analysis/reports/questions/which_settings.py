"""Which settings matter? Importance, and each hyper-parameter against accuracy and cost."""

from analysis.page.render import Section
from analysis.reports._parameters import hyper_parameters
from analysis.statistics.view import View

TITLE = "Which settings matter?"


def which_settings(view: View) -> Section | None:
    """The section; None for a sweep without a space."""
    return Section(TITLE, tuple(hyper_parameters(view))) if view.searched else None
