"""Records of distillation runs as tables, figures and reports: what accuracy each setting buys, and at what cost.

Importing this package loads nothing else: neither pandas nor matplotlib. Names are resolved on first use.

    frame = analysis.load("runs/mutag")
    analysis.pareto(frame)
    analysis.compare(frame, "chosen", "random_graphs")
    analysis.compare_methods(frame).write("comparison")
    analysis.importance(frame)
    analysis.figures.tradeoff(frame).savefig("tradeoff.pdf")
    analysis.reports.write(frame, "report")
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from analysis import figures, reports, robustness
    from analysis.api import compare, compare_methods, importance, load, pareto
    from analysis.comparison.joint import Comparison
    from analysis.records.frame import Frame
    from analysis.records.record import Record

__distribution__ = "acgkd"
__all__ = [
    "Comparison",
    "Frame",
    "Record",
    "compare",
    "compare_methods",
    "figures",
    "importance",
    "load",
    "pareto",
    "reports",
    "robustness",
]

# No module may have the name of a function here: once imported, it would take the function's place.
_HOMES = {
    "Comparison": "analysis.comparison.joint",
    "Frame": "analysis.records.frame",
    "Record": "analysis.records.record",
    "compare": "analysis.api",
    "compare_methods": "analysis.api",
    "importance": "analysis.api",
    "load": "analysis.api",
    "pareto": "analysis.api",
}


def __getattr__(name: str) -> object:
    """Imports the home of `name` only when somebody asks for it."""
    if name in ("figures", "reports", "robustness"):
        return import_module(f"analysis.{name}")
    if name not in _HOMES:
        raise AttributeError(f"module 'analysis' has no attribute {name!r}. Public names: {', '.join(__all__)}.")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return list(__all__)
