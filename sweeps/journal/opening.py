"""The trackers of a spec, from the start of a sweep to its end."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path

from acgkd.errors import ConfigError
from sweeps.journal.journal import Journal
from sweeps.journal.tracking import Open, Tracking
from sweeps.spec.sweep_spec import SweepSpec
from sweeps.store.folder import SweepFolder
from sweeps.trackers import TRACKERS

LIMIT_S = 30.0
STOPPED_S = 2.0  # a command that was asked to end has little time


def opens(spec: SweepSpec, trust_code: bool) -> dict[str, Open]:
    """What opens each tracker of a spec. Code of the user's is imported; no tool is.

    Raises:
        ConfigError: one is code that is not trusted or cannot be imported.
        UnknownNameError: there is no such tracker.
    """
    return {name: _own(name, spec.folder, trust_code) if ":" in name else TRACKERS[name].open for name in spec.trackers}


def _own(name: str, folder: Path, trust_code: bool) -> Open:
    if not trust_code:
        raise ConfigError(
            f"`trackers/{name}` is Python code, which a spec may not run by itself. Trust it to allow it."
        )
    module, _, attribute = name.partition(":")
    places = [str(place) for place in dict.fromkeys([folder.absolute(), Path.cwd()])]
    sys.path[:0] = places  # not as a teacher's code, which shapes results and is compared between starts
    try:
        found: Open = getattr(import_module(module), attribute)
    except Exception as error:
        kind = "" if isinstance(error, ImportError | AttributeError) else f"{type(error).__name__}: "
        raise ConfigError(f"The tracker `{name}` cannot be imported: {kind}{str(error).rstrip('.')}.") from error
    finally:
        for place in places:
            sys.path.remove(place)
    return found


@contextmanager
def tracked(
    spec: SweepSpec,
    found: dict[str, Open],
    folder: SweepFolder,
    journal: Journal,
    stopping: Callable[[], bool],
    say: Callable[[str], None],
) -> Iterator[None]:
    """Logs to the trackers of a spec while a start of it works, and what earlier starts have left.

    Args:
        spec: the sweep.
        found: from `opens`.
        folder: of the sweep, locked.
        journal: of the start.
        stopping: whether the start was asked to end, so that there is little time.
        say: called with a line for each tracker that failed or was too slow.
    """
    made = [Tracking(name, found[name], options, folder, folder.note) for name, options in spec.trackers.items()]
    for one in made:
        journal.followers.append(one.happened)
        one.start()
    limit_s = 0.0
    try:
        yield
        limit_s = STOPPED_S if stopping() else LIMIT_S
    except Exception:
        limit_s = STOPPED_S
        raise
    finally:
        end = time.monotonic() + limit_s
        for one in made:
            whole = one.close(end - time.monotonic())
            if not whole and limit_s:
                why = (
                    f"failed ({one.problem})"
                    if one.problem
                    else "has not got to the end: it is slow, or its server away"
                )
                say(f"The tracker `{one.name}` {why}; what it lacks, the next start logs.")
