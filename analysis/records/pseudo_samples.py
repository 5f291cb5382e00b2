"""The pseudo-samples that a run kept for its report, as their file holds them."""

import io
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

FORMAT = 1
MOST_CLASSES = 20
Array = NDArray[Any]


@dataclass(frozen=True)
class PseudoSamples:
    """A few pseudo-samples of each class.

    Args:
        modality: `images` or `graphs`; empty where there are none.
        drawn: how many samples were drawn to find these.
        found: ``[classes]``, how many of those are of each class.
        label: ``[samples]``, the class that each was made for or that the teacher says; ascending.
        confidence: ``[samples]``, the teacher's probability of that class.
        arrays: what the modality adds: of images `pixels` ``[samples, height, width, 1 or 3]`` and `outside`
            ``[samples]``; of graphs `nodes`, `edges` and `shown` ``[samples]``, `feature` ``[nodes]``, `ends`
            ``[2, edges]`` and `features`.
        absent: why there are none, in words; empty where there are some.
    """

    modality: str = ""
    drawn: int = 0
    found: Array = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    label: Array = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    confidence: Array = field(default_factory=lambda: np.zeros(0))
    arrays: Mapping[str, Array] = field(default_factory=dict)
    absent: str = ""

    @property
    def classes(self) -> int:
        """How many classes have room in the picture: all, unless there are very many."""
        return min(len(self.found), MOST_CLASSES)

    @property
    def per_class(self) -> int:
        """The largest number of samples that a class has."""
        return int(np.bincount(self.label).max()) if len(self.label) else 0


def read(path: Path) -> PseudoSamples | None:
    """What a file holds; None where there is no file. A file that is none says so under `absent`."""
    try:
        # Not by its path: numpy leaves a torn file open.
        with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
    except FileNotFoundError:
        return None
    except (OSError, EOFError, ValueError, zipfile.BadZipFile):
        return PseudoSamples(absent="Their file cannot be read: torn, or something else.")
    return of(arrays)


def of(arrays: Mapping[str, Array]) -> PseudoSamples:
    """The pseudo-samples that arrays by name hold; where they are not valid, `absent` says so."""
    try:
        if "absent" in arrays:
            return PseudoSamples(absent=str(arrays["absent"]))
        if int(arrays["format"]) != FORMAT:
            return PseudoSamples(absent="Their file was written by another version.")
        common = ("format", "modality", "drawn", "found", "label", "confidence")
        made = PseudoSamples(
            modality=str(arrays["modality"]),
            drawn=int(arrays["drawn"]),
            found=arrays["found"],
            label=arrays["label"],
            confidence=arrays["confidence"],
            arrays={name: value for name, value in arrays.items() if name not in common},
        )
        sound = _sound(made)
    except (KeyError, TypeError, ValueError, IndexError):
        sound = False
    return made if sound else PseudoSamples(absent="Their file does not hold what it should.")


def _sound(made: PseudoSamples) -> bool:
    """Whether shapes and numbers fit each other, so that drawing cannot fail."""
    count, arrays = len(made.label), made.arrays
    if not (made.found.ndim == made.label.ndim == made.confidence.ndim == 1 and count == len(made.confidence) > 0):
        return False
    if np.any(np.diff(made.label) < 0) or made.label[0] < 0 or made.label[-1] >= made.classes:
        return False
    if made.modality == "images":
        pixels = arrays["pixels"]
        whole = pixels.ndim == 4 and pixels.shape[3] in (1, 3) and pixels.dtype == np.uint8 and pixels.size > 0
        return whole and len(pixels) == len(arrays["outside"]) == count
    if made.modality != "graphs":
        return False
    nodes, edges, shown = (arrays[name] for name in ("nodes", "edges", "shown"))
    if not (len(nodes) == len(edges) == len(shown) == count and shown.dtype == np.bool_):
        return False
    ends, size = arrays["ends"], np.repeat(nodes[shown], edges[shown])
    whole = ends.shape == (2, len(size)) and len(arrays["feature"]) == int(nodes[shown].sum())
    return whole and bool(np.all(ends >= 0)) and bool(np.all(ends < size))
