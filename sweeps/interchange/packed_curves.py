"""Validation curves beside packed records, ``<records>-curves.json``: by sweep and run, for `analysis.robustness`."""

import json
from collections.abc import Iterable
from pathlib import Path

from analysis.records.packed import Packed
from sweeps.store.atomic import write


def beside(packed: Path) -> Path:
    """Where the curves of a file of packed records are."""
    return packed.with_name(f"{packed.stem}-curves.json")


def write_curves(packed: Path, packs: dict[str, Packed], folders: Iterable[Path]) -> Path | None:
    """Writes the curves of packed runs: those in the folders, and of other runs those that the file has already.

    Args:
        packed: the file of packed records.
        packs: what is in it.
        folders: the sweeps that it is made of.

    Returns:
        The file; None where no run has a curve.

    Raises:
        RecordError: there is a file of that name, but it holds something else.
    """
    path, found = beside(packed), {}
    if path.exists() or any(next(folder.glob("curves/*.json"), None) for folder in folders):
        from analysis.robustness import read_curves

        known = read_curves(path) if path.exists() else {}
        for folder in folders:
            for runs in read_curves(folder).values():
                known.setdefault(json.loads((folder / "sweep.json").read_text())["name"], {}).update(runs)
        for sweep, pack in packs.items():
            texts = (text for name, text in pack.files.items() if name.startswith("records/"))
            packed_runs = {
                f"{who['fingerprint']}-{who['seed']}" for who in (json.loads(text)["identity"] for text in texts)
            }
            kept = {run: curve for run, curve in known.get(sweep, {}).items() if run in packed_runs}
            if kept:
                found[sweep] = {run: {"seconds": c.seconds, "accuracy": c.accuracy} for run, c in kept.items()}
    if not found:
        return None
    write(path, json.dumps(found, sort_keys=True, separators=(",", ":")) + "\n")
    return path
