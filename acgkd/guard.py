"""Refuses to work with somebody else's `sweeps`, `analysis` or `acgkd`.

Two of our three names are generic. Another distribution may have been installed over ours, and a stray `analysis.py`
in the folder of the user comes first wherever Python looks there: with `python -m`, through `PYTHONPATH`, and in Ray's
workers, which look where the driver was started.

A package is looked at as a file before it is imported, so that code of others does not run. What enters through `acgkd`
is protected: the console script, `python -m acgkd` and Ray's workers. A bare `import sweeps` elsewhere is not.
"""

import re
import sys
from collections.abc import Iterable, Iterator
from importlib import import_module
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

PACKAGES = ("acgkd", "sweeps", "analysis")
DISTRIBUTION = "acgkd"

_MARK = re.compile(rf"""^__distribution__\s*=\s*["']{DISTRIBUTION}["']""", re.MULTILINE)
_REINSTALL = "`pip install --force-reinstall --no-deps acgkd` (or its wheel in place of the name) puts ours back."


def require_own_packages() -> None:
    """Imports the three packages and makes sure that they are ours and lie side by side.

    Called before anything else, in the command line and in every worker.

    Raises:
        ForeignPackageError: one is not; the message holds the offending path.
        ImportError: the same of `acgkd`, which holds the root of all our errors.
    """
    problem = foreign_package()
    if problem is None:
        return
    try:
        from acgkd.errors import ForeignPackageError
    except Exception:
        raise ImportError(problem) from None
    raise ForeignPackageError(problem)


def foreign_package() -> str | None:
    """What is wrong with the first of the three packages that is not ours, with its path; None if all are ours."""
    home = Path(__file__).resolve().parents[1]
    return next((problem for name in PACKAGES if (problem := _problem(name, home)) is not None), None)


def other_distributions(name: str) -> dict[str, Path]:
    """Distributions other than ours that list files in a package of that name.

    Args:
        name: of the package.

    Returns:
        Name and version of each (`sweeps 0.2.0`), with the folder in which its package lies.
    """
    return dict(_others(name))


def _others(name: str) -> Iterator[tuple[str, Path]]:
    from importlib.metadata import distributions

    for distribution in distributions():
        title = str(distribution.metadata["Name"])
        # The list as text: to parse that of every distribution takes seconds.
        listed = distribution.read_text("RECORD") or ""
        if title != DISTRIBUTION and re.search(rf"^{name}/", listed, re.MULTILINE):
            yield f"{title} {distribution.version}", Path(str(distribution.locate_file(name))).resolve()


def _problem(name: str, home: Path) -> str | None:
    if name not in sys.modules:
        spec = find_spec(name)
        problem = _not_installed(name, home) if spec is None else _problem_of_file(name, home, spec)
        if problem is not None:
            return problem
    try:
        module = import_module(name)
    except Exception as error:
        return (
            f"The package `{name}` must be the one that belongs to {home}, but importing it fails: "
            f"{type(error).__name__}: {error}. {_REINSTALL}"
        )
    return _problem_of_module(name, home, module)


def _problem_of_file(name: str, home: Path, spec: ModuleSpec) -> str | None:
    """The same, before any of its code has run."""
    if spec.origin is None:
        return _without_file(name, home, spec.submodule_search_locations or ())
    where = Path(spec.origin)
    if not _lies_in(where, home / name):
        return _elsewhere(name, home, where)
    read = getattr(spec.loader, "get_source", None)
    try:
        source = None if read is None else read(name)
    except (ImportError, SyntaxError) as error:  # not text
        return _overwritten(name, home, where, f" ({error})")
    return None if source is None or _MARK.search(source) else _overwritten(name, home, where)


def _problem_of_module(name: str, home: Path, module: ModuleType) -> str | None:
    if module.__file__ is None:
        return _without_file(name, home, getattr(module, "__path__", ()))
    where = Path(module.__file__)
    if not _lies_in(where, home / name):
        return _elsewhere(name, home, where)
    ours = getattr(module, "__distribution__", None) == DISTRIBUTION
    return None if ours else _overwritten(name, home, where)


def _lies_in(where: Path, folder: Path) -> bool:
    return where.resolve().parent == folder.resolve()


def _not_installed(name: str, home: Path) -> str:
    return f"The package `{name}` must be the one in {home}, but there is none of that name. {_REINSTALL}"


def _without_file(name: str, home: Path, folders: Iterable[str]) -> str:
    return (
        f"The package `{name}` must be the one in {home}, but no `__init__.py` is left of it in "
        f"{', '.join(folders) or 'any folder'}: perhaps another distribution with a package of that name was removed. "
        f"{_REINSTALL}"
    )


def _elsewhere(name: str, home: Path, where: Path) -> str:
    owners = _owners(name, where.parent)
    way_out = (
        f"It belongs to `{owners}`; install acgkd into an environment without that."
        if owners
        else "Rename or move that file, or leave its folder out of PYTHONPATH. "
        "(`python -m acgkd` looks in the current folder first; the command `acgkd` does not.)"
    )
    return f"The package `{name}` must be the one in {home}, but {where} comes first on the path. {way_out}"


def _overwritten(name: str, home: Path, where: Path, why: str = "") -> str:
    owners = _owners(name, where.parent)
    by = f" by `{owners}`, which has a package of the same name" if owners else ""
    return (
        f"The package `{name}` must be the one of acgkd in {home}, but {where} has been overwritten{by}{why}. "
        f"{_REINSTALL} To keep both, give each an environment of its own."
    )


def _owners(name: str, folder: Path) -> str:
    return "`, `".join(title for title, place in other_distributions(name).items() if place == folder.resolve())
