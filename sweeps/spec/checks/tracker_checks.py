"""Laws on trackers: they exist, their tool is installed, and they know their options."""

from collections.abc import Iterator, Mapping
from importlib.util import find_spec

from acgkd.errors import Fault, nearest
from sweeps.spec.fault_messages import known_name
from sweeps.trackers import TRACKERS


def trackers_law(trackers: Mapping[str, Mapping[str, object]], trust_code: bool) -> Iterator[Fault]:
    """Every tracker is there, or is code that may be run."""
    for name, options in trackers.items():
        path = f"trackers/{name}"
        if ":" in name:
            if not trust_code:
                yield Fault(
                    path, f"'{name}' is Python code, which a spec may not run by itself. `--trust-code` allows it."
                )
            continue
        if name not in TRACKERS:
            yield from known_name(TRACKERS, name, path)
            continue
        entry = TRACKERS[name]
        if find_spec(entry.package) is None:
            yield Fault(
                path,
                f"The tracker '{name}' needs the package {entry.package}, which is not installed. "
                f'`pip install "{entry.install}"` installs it; or leave the tracker out.',
            )
        for option in options:
            if option not in entry.options:
                known = ", ".join(entry.options) or "none"
                hint = nearest(option, entry.options)
                message = f"The tracker '{name}' has no option '{option}'. {hint}Known: {known}."
                yield Fault(f"{path}/{option}", message)
