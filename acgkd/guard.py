"""Refuses to work with somebody else's `sweeps`, `analysis` or `acgkd`.

Two of our three names are generic. Another distribution may have been installed over ours, and a stray `analysis.py`
in the folder of the user comes first wherever Python looks there: with `python -m`, through `PYTHONPATH`, and in Ray's
workers, which look where the driver was started.

Nothing of ours is imported here before it is known to be ours.
"""

import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

PACKAGES = ("acgkd", "sweeps", "analysis")
DISTRIBUTION = "acgkd"


def require_own_packages() -> None:
    """Imports the three packages and makes sure that they are ours and lie side by side.

    Called before anything else, in the command line and in every worker.

    Raises:
        ForeignPackageError: one is not; the message holds the offending path.
        ImportError: the same of `acgkd`, which holds the root of all our errors.
    """
    told = foreign_package()
    if told is None:
        return
    try:
        from acgkd.errors import ForeignPackageError
    except Exception:
        raise ImportError(told) from None
    raise ForeignPackageError(told)


def foreign_package() -> str | None:
    """What is wrong with the first of the three packages that is not ours, with its path; None if all are ours."""
    home = Path(__file__).resolve().parents[1]
    return next((told for name in PACKAGES if (told := _told(name, home)) is not None), None)


def _told(name: str, home: Path) -> str | None:
    place = None if name in sys.modules else _would_import(name)
    if place is not None and place.resolve().parents[1] != home:  # told before its code runs
        return _elsewhere(name, home, place)
    try:
        module = import_module(name)
    except Exception as error:
        return (
            f"The package `{name}` must be the one that belongs to {home}, but importing it fails: "
            f"{type(error).__name__}: {error}. Is there another `{name}` on the path? {_WAY_OUT}"
        )
    where = _place(module)
    if where is None:
        return (
            f"The package `{name}` must be the one in {home}, but what is imported has no file of its own: "
            f"{_leftovers(module)}. Another distribution took its place or was removed. {_WAY_OUT}"
        )
    if getattr(module, "__distribution__", None) != DISTRIBUTION or where.resolve().parents[1] != home:
        return _elsewhere(name, home, where)
    return None


_WAY_OUT = "`pip install --force-reinstall --no-deps acgkd` puts ours back."


def _elsewhere(name: str, home: Path, where: Path) -> str:
    return (
        f"The package `{name}` must be the one in {home}, but {where} is imported instead. "
        f"Rename or move that file, leave its folder out of PYTHONPATH, or: {_WAY_OUT}"
    )


def _would_import(name: str) -> Path | None:
    spec = find_spec(name)
    return None if spec is None or spec.origin is None else Path(spec.origin)


def _place(module: ModuleType) -> Path | None:
    return None if module.__file__ is None else Path(module.__file__)


def _leftovers(module: ModuleType) -> str:
    return ", ".join(map(str, getattr(module, "__path__", []))) or "nowhere"
