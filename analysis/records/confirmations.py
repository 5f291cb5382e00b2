"""Confirmations of a sweep: its trials run again on fresh seeds, each a sweep of its own in `confirm/trial-0007/`."""

import re
from dataclasses import dataclass, field
from pathlib import Path

from analysis.records.frame import Frame, load

FOLDER = "confirm"


@dataclass(frozen=True)
class Confirmation:
    """One trial on fresh seeds.

    Args:
        trial: its number in the search.
        frame: the rows: the trial under number 0, the controls, the teachers.
    """

    trial: int
    frame: Frame = field(repr=False)

    @property
    def seeds(self) -> tuple[int, ...]:
        """The fresh seeds, those included that have not been run yet."""
        section = self.frame.sweeps[0].sweep.spec.get("replicates")
        seeds = section.get("seeds") if isinstance(section, dict) else None
        return tuple(seed for seed in seeds if isinstance(seed, int)) if isinstance(seeds, list) else ()


def folder_of(sweep: Path, trial: int) -> Path:
    """Where the confirmation of a trial lies.

    Args:
        sweep: folder of the search.
        trial: its number there.
    """
    return sweep / FOLDER / f"trial-{trial:04d}"


def read(sweep: Path | None) -> tuple[Confirmation, ...]:
    """The confirmations of a sweep, by number of the trial; none where there is no folder.

    Args:
        sweep: its folder; None for packed records.

    Raises:
        NewerVersionError: a newer version wrote a file.
    """
    found = []
    for path in sorted((sweep / FOLDER).glob("trial-*")) if sweep is not None else ():
        number = re.fullmatch(r"trial-(\d+)", path.name)
        if number is not None and (path / "sweep.json").is_file():
            found.append(Confirmation(int(number[1]), load([path])))
    return tuple(found)
