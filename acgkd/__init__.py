"""Data-free knowledge distillation: a trained teacher, without its data, becomes a small student.

Importing this package does nothing else: no torch, no device, no seed. The three functions that most people need
are resolved on first use.
"""

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"
__distribution__ = "acgkd"

if TYPE_CHECKING:
    from acgkd.run.direct import distill
    from acgkd.students.saving import load_student
    from acgkd.teachers.teacher import adapt

__all__ = ["__version__", "adapt", "distill", "load_student"]

_HOMES = {"distill": "acgkd.run.direct", "adapt": "acgkd.teachers.teacher", "load_student": "acgkd.students.saving"}


def __getattr__(name: str) -> Any:
    """Imports the home of `name` only when somebody asks for it: `acgkd --help` must not cost torch."""
    if name not in _HOMES:
        raise AttributeError(f"module 'acgkd' has no attribute {name!r}. Public names: {', '.join(__all__)}.")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)
