"""Packed records become the sweeps of a suite, which continues from there."""

from collections.abc import Mapping
from pathlib import Path

from acgkd.errors import FolderError
from analysis.records.packed import Packed
from sweeps.interchange.merging import Unpacked, read_packed, unpack
from sweeps.suites.calibration import by_row, calibrated, known_rows
from sweeps.suites.suite_folder import SuiteFolder
from sweeps.suites.suite_loading import SuiteSpec
from sweeps.worker.experiments import AcgkdExperiments


def unpack_suite(
    packed: Path,
    suite: SuiteSpec,
    folder: Path,
    *,
    packs: Mapping[str, Packed] | None = None,
    command: str = "",
    trust_code: bool = False,
) -> list[Unpacked]:
    """Lays into a suite's folder what its sweeps would make today of packed records; what is there stays as it is.

    Rows at equal seconds fit where their steps are known: given under `calibrated`, or measured in this folder.

    Args:
        packed: the file, with sweeps by the names that they have in the suite.
        suite: the suite.
        folder: its folder; made if need be.
        packs: what the file holds, where it has been read.
        command: for the record.
        trust_code: whether specs may name Python functions of the user's.

    Returns:
        What was put back, for each sweep that the file holds.

    Raises:
        FolderError: the file holds none of its sweeps, nothing of one fits, or the folder is another suite's.
        FolderInUseError: a driver works on the folder.
    """
    packs, home = read_packed(packed) if packs is None else packs, SuiteFolder(folder)
    there = [member for member in suite.members if member.name in packs]
    if not there:
        raise FolderError(
            f"{packed} holds {', '.join(packs) or 'no sweep'}, but none of the sweeps of `{suite.name}`: "
            f"{', '.join(member.name for member in suite.members)}."
        )
    home.make()
    with home.lock:
        before = home.read()
        kept = by_row(before.calibrations if before is not None else ())
        known = [item for member in suite.members for item in known_rows(member, suite.section.calibrated, kept)]
        home.match(suite, known, command)
        found = []
        for plain in there:
            member = calibrated(plain, by_row(known))
            spec = member.spec(trust_code)
            experiments = AcgkdExperiments.of(spec, trust_code)
            text = member.text(suite.name)
            place, name = home.sweep(member.name), member.name
            found.append(
                unpack(packed, spec, place, experiments, sweep=name, packs=packs, command=command, spec_text=text)
            )
    return found
