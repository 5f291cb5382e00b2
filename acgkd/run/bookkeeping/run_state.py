"""Files that a run resumes from, or that it takes another run's pseudo-samples from."""

from collections.abc import Sequence
from pathlib import Path

from acgkd import checkpoint
from acgkd.errors import CheckpointError
from acgkd.method import Stage, State

FORMAT = "acgkd-run-1"


def read_run(path: Path, identity: str) -> State:
    """The state of a run.

    Args:
        path: of the file.
        identity: of the run that it has to be of (`acgkd.run.bookkeeping.identity`).

    Raises:
        CheckpointError: torn, foreign, unsafe, or of another run.
    """
    state = checkpoint.load(path)
    if not isinstance(state, dict) or state.get("format") != FORMAT:
        raise CheckpointError(f"{path} is not a checkpoint of a run (no `{FORMAT}` inside).")
    if state.get("identity") != identity:
        raise CheckpointError(f"{path} belongs to a run with other settings, another seed, teacher or student.")
    return state


def read_synthesis(path: Path, stages: Sequence[Stage]) -> State:
    """The state of a run that had just finished its synthesis.

    Args:
        path: of the file.
        stages: of the run that is to continue from there.

    Raises:
        CheckpointError: damaged, foreign or unsafe.
    """
    state = checkpoint.load(path, checked=True)
    ours = isinstance(state, dict) and state.get("format") == FORMAT
    if not ours or len(stages) < 2 or state["steps_done"] != stages[0].steps:
        raise CheckpointError(f"{path} is not a finished synthesis.")
    found: State = {**state, "synthesis_cached": True}
    return found
