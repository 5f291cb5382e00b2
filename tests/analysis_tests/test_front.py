import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from acgkd.errors import AnalysisError
from analysis.statistics.front import front

number = st.one_of(st.integers(0, 5).map(float), st.floats(allow_nan=True, allow_infinity=True))
points = st.integers(1, 3).flatmap(
    lambda width: st.tuples(
        st.lists(st.lists(number, min_size=width, max_size=width), max_size=25),
        st.lists(st.sampled_from(["minimize", "maximize"]), min_size=width, max_size=width),
    )
)


def slow_front(rows: list[list[float]], directions: list[str]) -> list[bool]:
    """The definition, word by word."""

    def beats(first: list[float], second: list[float]) -> bool:
        if any(np.isnan([*first, *second])):
            return False
        better = [a < b if d == "minimize" else a > b for a, b, d in zip(first, second, directions, strict=True)]
        worse = [a > b if d == "minimize" else a < b for a, b, d in zip(first, second, directions, strict=True)]
        return any(better) and not any(worse)

    return [not any(np.isnan(row)) and not any(beats(other, row) for other in rows) for row in rows]


@given(points)
def test_the_front_equals_its_slow_twin(case: tuple[list[list[float]], list[str]]) -> None:
    rows, directions = case
    array = np.array(rows, dtype=float).reshape(len(rows), len(directions))
    assert front(array, directions).tolist() == slow_front(rows, directions)


def test_equal_points_stand_on_the_front_together() -> None:
    assert front(np.array([[1.0, 2], [1, 2], [2, 2]]), ["minimize", "maximize"]).tolist() == [True, True, False]


def test_wrong_shapes_and_directions_are_refused() -> None:
    with pytest.raises(AnalysisError, match="2 columns"):
        front(np.zeros((3, 1)), ["minimize", "minimize"])
    with pytest.raises(AnalysisError, match="min"):
        front(np.zeros((3, 1)), ["min"])
