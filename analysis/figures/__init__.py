"""Figures of a sweep: computed first as plain values, drawn later, without pyplot and its global state.

The functions named here take a frame and return a matplotlib figure; each is imported when it is first asked for. No
module of this package has the name of one of them: importing it would take the function's place.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from analysis.figures.history.history_figures import rungs, timeline
    from analysis.figures.of_frame import curves, hyperparameters, importance, outcomes, samples, tradeoff
    from analysis.figures.search.search_figures import pairs, parallel, progress
    from analysis.figures.trust.trust_figures import seeds, selection

__all__ = [
    "curves",
    "hyperparameters",
    "importance",
    "outcomes",
    "pairs",
    "parallel",
    "progress",
    "rungs",
    "samples",
    "seeds",
    "selection",
    "timeline",
    "tradeoff",
]

_HOMES = {
    "history.history_figures": ("rungs", "timeline"),
    "of_frame": ("curves", "hyperparameters", "importance", "outcomes", "samples", "tradeoff"),
    "search.search_figures": ("pairs", "parallel", "progress"),
    "trust.trust_figures": ("seeds", "selection"),
}


def __getattr__(name: str) -> object:
    for module, names in _HOMES.items():
        if name in names:
            return getattr(import_module(f"{__name__}.{module}"), name)
    raise AttributeError(f"module 'analysis.figures' has no attribute {name!r}. Public names: {', '.join(__all__)}.")


def __dir__() -> list[str]:
    return list(__all__)
