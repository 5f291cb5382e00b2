"""Can I trust it? Replicates one by one, what chose and what judged, what is not known, where numbers come from."""

from analysis.page.render import Section
from analysis.reports._chosen import chosen_trial
from analysis.reports._confirmation import confirmation
from analysis.reports._health import unknowns
from analysis.reports._more_seeds import more_seeds
from analysis.reports._provenance import provenance
from analysis.reports.questions.agreement_blocks import agreement_blocks
from analysis.reports.questions.health_blocks import health_blocks
from analysis.reports.questions.part_blocks import part_blocks
from analysis.reports.questions.seed_blocks import seed_blocks
from analysis.reports.questions.selection_blocks import selection_blocks
from analysis.statistics.view import View

TITLE = "Can I trust it?"


def can_i_trust_it(view: View) -> Section:
    """The section."""
    replicates = (seed_blocks(view), chosen_trial(view), more_seeds(view))
    made = (health_blocks(view),)
    judged = (selection_blocks(view), confirmation(view), part_blocks(view), agreement_blocks(view))
    known = (unknowns(view), provenance(view))
    return Section(TITLE, tuple(block for part in (*replicates, *made, *judged, *known) for block in part))
