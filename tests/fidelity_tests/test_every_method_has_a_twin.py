"""No method of the catalogue is without a twin, and no twin is of a method that is none."""

from importlib import import_module

import pytest

from acgkd.methods import METHODS

pytestmark = pytest.mark.fidelity


def twins() -> set[str]:
    """The methods that tests of this folder name as theirs."""
    found: set[str] = set()
    for module in ("test_graph_twins", "test_image_twins"):
        tests = vars(import_module(f"tests.fidelity_tests.{module}"))
        for test in (value for name, value in tests.items() if name.startswith("test_")):
            marks = list(test.pytestmark)
            # Parameters may have marks of their own.
            marks += [mark for own in test.pytestmark for each in own.args[1:2] for mark in marks_of(each)]
            found |= {str(name) for mark in marks if mark.name == "fidelity" for name in mark.args}
    return found


def marks_of(parameters: object) -> list[pytest.Mark]:
    return [mark for each in parameters if hasattr(each, "marks") for mark in each.marks]  # type: ignore[attr-defined]


def test_every_method_has_a_twin() -> None:
    assert twins() == set(METHODS)
