"""What the methods made: pseudo-samples of the chosen trial and of the controls, where they were kept."""

from analysis.figures.samples import kinds_of, samples
from analysis.page.markup import slug
from analysis.page.render import Block, Note, Section
from analysis.records.pseudo_samples import PseudoSamples, read
from analysis.reports._view import View

EXPLAINED = (
    "No sample here is real: each was made from a teacher alone, at the end of the replicate that is named. They are "
    "the first of each class in the order in which they were drawn. A row is the class that samples were made for or, "
    "where a method asks for none, the class that the teacher says; the number below is the teacher's probability of "
    "that class. A high one says that the teacher is sure, not that the sample looks like the data."
)


def sample_section(view: View) -> Section | None:
    """The section; None where the sweep kept no samples."""
    found = [
        (title, replicate, kept)
        for stem, replicate, title in _shown(view)
        if (kept := read(view.metadata.folder / "samples" / f"{stem}.npz")) is not None
    ]
    if not found:
        return None
    kinds = kinds_of(kept for _, _, kept in found)
    blocks: list[Block] = [Note(EXPLAINED)]
    for title, replicate, kept in found:
        if kept.absent:
            blocks.append(Note(f"`{title}` shows none. {kept.absent}"))
        else:
            name, whose = f"samples-{slug(title)}", f"Pseudo-{kept.modality} of {title}"
            blocks.append(samples(name, whose, _caption(kept, replicate, bool(kinds)), kept, kinds))
    return Section("Pseudo-samples", tuple(blocks))


def _shown(view: View) -> list[tuple[str, int, str]]:
    """The stem of the record's file, the replicate and how the picture is called: the chosen trial's, the controls'."""
    rows = view.frame.rows
    chosen = (rows["kind"] == "trial") & (
        rows["trial"] == view.choice.trial if view.choice.trial is not None else False
    )
    found = []
    for _, row in rows[chosen.fillna(False) | (rows["kind"] == "control")].sort_values("replicate").iterrows():
        trial = row["kind"] == "trial"
        title = (f"trial {row['trial']}" if view.searched else str(row["method"])) if trial else str(row["label"])
        found.append((not trial, str(row["file"]).removesuffix(".json"), int(row["replicate"]), title))
    return [(stem, replicate, title) for _, stem, replicate, title in sorted(found, key=lambda item: item[0])]


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
            f"{kept.arrays['outside'].mean():.0%} of the values shown lie outside what a pixel can be and were cut off."
        )
    elif coloured:
        parts.append("Colours are the largest feature of a node, alike in all pictures; grey are all others.")
    else:
        parts.append(f"Features of nodes are of the kind `{kept.arrays['features']}` and not shown.")
    return " ".join(parts)
