"""The rule that chose, against what the test split says."""

from analysis.figures.canvas import picture
from analysis.figures.trust.selection_scatter import paint_selection
from analysis.page.blocks import Block
from analysis.statistics.trust.selected_by import selected_by, sentence
from analysis.statistics.view import View


def selection_blocks(view: View) -> list[Block]:
    """What chose against the test accuracy; nothing where one of them is not known."""
    found = selected_by(view) if view.searched else None
    if found is None:
        return []
    first = view.objectives[0]
    real = {
        True: "looks at real data",
        False: "looks at no real data",
        None: "may look at real data: that is not known",
    }
    caption = (
        f"The rule: the {'highest' if first.sign > 0 else 'lowest'} mean {found.name} over replicates among complete "
        f"trials, ties to the older one. It {real[first.uses_real_data]}, and never the test split, which judges "
        "afterwards. The best trial on test is found by looking at the test: a diagnosis, not a result."
    )
    return [picture("selection", "What chose, against the test", caption, paint_selection(found), sentence(found))]
