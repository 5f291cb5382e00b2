"""Figures of a sweep: computed first as plain values, drawn later, without pyplot and its global state.

The functions named here take a frame and return a matplotlib figure; each is imported when it is first asked for. No
module of this package has the name of one of them: importing it would take the function's place.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from analysis.figures.of_frame import curves, hyperparameters, importance, outcomes, samples, tradeoff

__all__ = ["curves", "hyperparameters", "importance", "outcomes", "samples", "tradeoff"]


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(
            f"module 'analysis.figures' has no attribute {name!r}. Public names: {', '.join(__all__)}."
        )
    from analysis.figures import of_frame

    return getattr(of_frame, name)


def __dir__() -> list[str]:
    return list(__all__)
