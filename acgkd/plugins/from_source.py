"""Code of others is compiled from its source each time, never read from the bytecode that Python keeps beside it.

Kept bytecode is compared with its source by size and second alone. An edit of one second that leaves the size would run
as it was before, under the digest of what it is now.
"""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType


class SourceLoader(SourceFileLoader):
    """Loads one file, compiled anew."""

    def get_code(self, fullname: str) -> CodeType:
        """Its code."""
        path = self.get_filename(fullname)
        code: CodeType = self.source_to_code(self.get_data(path), path)
        return code


class _Finder(MetaPathFinder):
    """Finds what Python finds, and loads from source what belongs to others.

    Args:
        belongs: whether a module is theirs, given its name and its file.
    """

    def __init__(self, belongs: Callable[[str, Path], bool]) -> None:
        self._belongs = belongs

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The spec of one of their modules; None leaves the search to the finders of Python."""
        found = PathFinder.find_spec(fullname, path, target)
        if found is None or not isinstance(found.loader, SourceFileLoader) or found.origin is None:
            return None
        if not self._belongs(fullname, Path(found.origin).absolute()):
            return None
        found.loader = SourceLoader(fullname, found.origin)
        return found


@contextmanager
def compiled_from_source(belongs: Callable[[str, Path], bool]) -> Iterator[None]:
    """For the time of an import: modules of others are compiled from their source.

    Args:
        belongs: whether a module is theirs, given its name and its file.
    """
    finder = _Finder(belongs)
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
