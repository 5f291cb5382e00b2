"""The specs that come with the package, found by name: `acgkd run quickstart`.

In a checkout they lie in `specs/`; the wheel carries the same files in `sweeps/shipped_specs/` (see `pyproject.toml`).
"""

import os
from pathlib import Path

from acgkd.errors import UnknownNameError, nearest

_IN_WHEEL = Path(__file__).parent / "shipped_specs"
_IN_CHECKOUT = Path(__file__).parents[1] / "specs"
_SUFFIXES = (".yaml", ".yml")


def _files() -> dict[str, Path]:
    folder = _IN_WHEEL if _IN_WHEEL.is_dir() else _IN_CHECKOUT
    return {path.stem: path for path in sorted(folder.glob("*.yaml"), key=lambda path: path.stem)}


def names() -> tuple[str, ...]:
    """The names of all shipped specs, sorted."""
    return tuple(_files())


def find(name: str) -> Path:
    """The file of a shipped spec.

    Raises:
        UnknownNameError: no shipped spec has that name; the message holds the nearest one and the list.
    """
    files = _files()
    if name not in files:
        raise UnknownNameError(
            f"There is no file and no shipped spec '{name}'. {nearest(name, files)}Shipped: {', '.join(files)}."
        )
    return files[name]


def locate(spec: Path) -> Path:
    """The file that a command line means: a file if there is one of that name, else the shipped spec.

    A path to a file that does not exist is returned as it is, for the reader of specs to refuse.

    Raises:
        UnknownNameError: a plain name that is neither; or `quickstart.yaml` or `specs/quickstart.yaml`, which does not
            exist here.
    """
    plain = spec.name == str(spec)
    if os.path.exists(spec) and not (plain and spec.is_dir() and spec.name in _files()):
        return spec
    if plain and spec.suffix not in _SUFFIXES:
        return find(spec.name)
    if spec.parent in (Path(), Path("specs")) and spec.suffix in _SUFFIXES and spec.stem in _files():
        raise UnknownNameError(
            f"There is no file {spec} here, but a spec of that name is shipped: write `{spec.stem}` alone to use it, "
            f"or `acgkd init {spec.stem}` for a copy of your own."
        )
    return spec


def summary(name: str) -> str:
    """The first paragraph of the comment at the head of a shipped spec, on one line.

    Raises:
        UnknownNameError: no shipped spec has that name.
    """
    head = find(name).read_text(encoding="utf-8").split("\n\n", 1)[0]
    paragraphs = "\n".join(line.removeprefix("#").strip() for line in head.splitlines()[1:]).strip().split("\n\n")
    return " ".join(paragraphs[0].split())
