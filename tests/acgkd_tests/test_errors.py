"""The tree of errors: drawn as it is, and reached from the front door."""

import inspect
import re

import acgkd
from acgkd import errors


def test_the_drawn_tree_names_every_error_below_its_parent() -> None:
    parents: list[tuple[int, str]] = []
    drawn: dict[str, str] = {}
    for line in (errors.__doc__ or "").splitlines():
        match = re.match(r"(\s*)\* (.*)", line)
        if match is None:
            continue
        depth = len(match.group(1))
        while parents and parents[-1][0] >= depth:
            parents.pop()
        names = [name for name in re.findall(r"`(\w+Error)`", match.group(2)) if hasattr(errors, name)]
        for name in names:
            drawn[name] = parents[-1][1] if parents else "Exception"
        parents.append((depth, names[0]))
    real = {
        name: kind.__bases__[0].__name__
        for name, kind in inspect.getmembers(errors, inspect.isclass)
        if issubclass(kind, errors.AcgkdError)
    }
    assert drawn == real


def test_every_error_is_at_the_front_door() -> None:
    for name, kind in inspect.getmembers(errors, inspect.isclass):
        if issubclass(kind, errors.AcgkdError):
            assert getattr(acgkd, name) is kind
