"""`sweeps.fork`: a fork from Python."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from sweeps.code import plugin_copies
from sweeps.interchange.forking import Forked, fork
from sweeps.spec.loading import spec_of
from sweeps.spec.sweep_spec import SweepSpec
from sweeps.store.writable import place_of
from sweeps.worker.experiments import AcgkdExperiments


def fork_sweep(
    folder: Path | str,
    spec: SweepSpec | Path | str | Mapping[str, object],
    out: Path | str,
    *,
    overrides: Sequence[str] | Mapping[str, object] = (),
    trust_code: bool = False,
) -> Forked:
    """Makes the folder of a new sweep with all that its spec would make today of another sweep's results.

    `sweeps.run` with the same spec and folder then does the rest.

    Args:
        folder: of the other sweep; it may be at work, and is only read.
        spec: the new sweep, as with `sweeps.run`.
        out: its folder, new or empty.
        overrides: laid over the spec, as with `sweeps.load`; not together with a finished `SweepSpec`.
        trust_code: let the spec name Python functions, as ``module:function``.

    Returns:
        What was taken over, what was not and why, and what is left to do.

    Raises:
        SpecError: the spec is not valid; it holds all faults.
        FolderError: `folder` is no sweep, or `out` is not free.
    """
    source = place_of(folder)
    plugin_copies.stand_in(source)
    read = spec_of(spec, overrides, trust_code)
    command = f"sweeps.fork in {Path(sys.argv[0]).name or 'an interactive session'}"
    return fork(source, read, Path(out), AcgkdExperiments.of(read, trust_code), command=command)
