"""Refuses to work with somebody else's `sweeps`, `analysis` or `acgkd`.

Two of our three names are generic. Another distribution may have been installed over ours, and a stray `analysis.py`
in the folder of the user comes first wherever Python looks there: with `python -m`, through `PYTHONPATH`, and in Ray's
workers, which look where the driver was started.
"""

from importlib import import_module
from pathlib import Path
from types import ModuleType

from sweeps.errors import SweepError

PACKAGES = ("acgkd", "sweeps", "analysis")
DISTRIBUTION = "acgkd"


class ForeignPackageError(SweepError):
    """One of our package names leads to code that is not ours."""


def require_own_packages() -> None:
    """Imports the three packages and makes sure that they are ours and lie side by side.

    Called before anything else, in the command line and in every worker.

    Raises:
        ForeignPackageError: one is not; the message holds the offending path.
    """
    home = Path(__file__).resolve().parents[1]
    for name in PACKAGES:
        try:
            module = import_module(name)
        except Exception as error:
            raise ForeignPackageError(
                f"The package `{name}` must be the one that belongs to {home}, but importing it fails: "
                f"{type(error).__name__}: {error}. Is there another `{name}` on the path? {_WAY_OUT}"
            ) from error
        where = _place(module)
        if where is None:
            raise ForeignPackageError(
                f"The package `{name}` must be the one in {home}, but what is imported has no file of its own: "
                f"{_leftovers(module)}. Another distribution took its place or was removed. {_WAY_OUT}"
            )
        if getattr(module, "__distribution__", None) != DISTRIBUTION or where.resolve().parents[1] != home:
            raise ForeignPackageError(
                f"The package `{name}` must be the one in {home}, but {where} is imported instead. "
                f"Rename or move that file, leave its folder out of PYTHONPATH, or: {_WAY_OUT}"
            )


_WAY_OUT = "`pip install --force-reinstall --no-deps acgkd` puts ours back."


def _place(module: ModuleType) -> Path | None:
    return None if module.__file__ is None else Path(module.__file__)


def _leftovers(module: ModuleType) -> str:
    return ", ".join(map(str, getattr(module, "__path__", []))) or "nowhere"
