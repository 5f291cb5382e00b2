"""What the methods made: pseudo-samples of the chosen trial and of the controls, where they were kept."""

import numpy as np

from analysis.figures.canvas import picture
from analysis.figures.sample_grid import kept_samples, kinds_of, paint_samples
from analysis.page.markup import slug
from analysis.page.render import Block, Note
from analysis.records.pseudo_samples import PseudoSamples
from analysis.statistics.view import View

EXPLAINED = (
    "No sample here is real: each was made from a teacher alone, and kept at the end of the replicate that is named. "
    "They are the first of each class as drawn, not the best. A row is the class that samples were "
    "made for or, where a method asks for none, the class that the teacher says; the number below is the teacher's "
    "probability of that class. A high one says that the teacher is sure, not that the sample looks like the data."
)


def samples(view: View) -> list[Block]:
    """A grid for each; nothing where the sweep kept no samples."""
    found = kept_samples(view)
    if not found:
        return []
    kinds = kinds_of(kept.content for kept in found)
    blocks: list[Block] = [Note(EXPLAINED)] if any(not kept.content.absent for kept in found) else []
    for kept in found:
        content = kept.content
        if content.absent:
            blocks.append(Note(f"`{kept.label}` has no pseudo-samples. {content.absent}"))
            continue
        title = f"Pseudo-{content.modality} of {kept.label}"
        caption = _caption(content, kept.replicate, bool(kinds))
        blocks.append(
            picture(f"samples-{slug(kept.label)}", title, caption, paint_samples(content, kinds), _finding(content))
        )
    return blocks


def _finding(kept: PseudoSamples) -> str:
    """How sure the teacher is of what is shown."""
    sure = kept.confidence
    if not len(sure):
        return ""
    return (
        f"The teacher's probability of the class in whose row a sample stands is {np.median(sure):.2f} in the median, "
        f"from {sure.min():.2f} to {sure.max():.2f}."
    )


def _caption(kept: PseudoSamples, replicate: int, coloured: bool) -> str:
    parts = [f"Replicate {replicate}; the first of each class among {kept.drawn} drawn."]
    missing = [str(number) for number in range(len(kept.found)) if kept.found[number] == 0]
    if missing:
        which = f"class {missing[0]}" if len(missing) == 1 else f"classes {', '.join(missing)}"
        parts.append(f"None of them is of {which}.")
    if len(kept.found) > kept.classes:
        parts.append(f"The first {kept.classes} of {len(kept.found)} classes are shown.")
    if kept.modality == "images":
        parts.append(
            f"{kept.arrays['outside'].mean():.0%} of the values shown are outside a pixel's range and were clipped."
        )
    elif coloured:
        parts.append("A node's colour is its largest feature, the same in all pictures; others are grey.")
    else:
        parts.append(f"Node features are `{kept.arrays['features']}` and not shown.")
    return " ".join(parts)
