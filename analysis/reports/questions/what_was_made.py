"""What was made? Pseudo-samples, where they were kept."""

from analysis.page.render import Section
from analysis.reports._samples import samples
from analysis.statistics.view import View

TITLE = "What was made?"


def what_was_made(view: View) -> Section | None:
    """The section; None where the sweep kept no samples."""
    blocks = samples(view)
    return Section(TITLE, tuple(blocks)) if blocks else None
