"""The laws that every method, model and data set keeps, for whoever writes one: a line in a test of yours.

>>> from acgkd.testing import check_method  # doctest: +SKIP
>>> check_method("my_entries/chance.py")  # doctest: +SKIP

Each call takes the name of an entry, a Python file that exports one, or the entry itself, and raises AssertionError
with the law that does not hold. `sweeps.testing` has the same for search spaces. No test framework is needed.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from acgkd.testing.dataset_laws import check_dataset
    from acgkd.testing.method_laws import check_method
    from acgkd.testing.model_laws import check_model

__all__ = ["check_dataset", "check_method", "check_model"]


def __getattr__(name: str) -> object:
    """Imports torch only when a law is asked for."""
    if name not in __all__:
        raise AttributeError(f"module 'acgkd.testing' has no attribute {name!r}. Public names: {', '.join(__all__)}.")
    from importlib import import_module

    return getattr(import_module(f"acgkd.testing.{name.removeprefix('check_')}_laws"), name)
