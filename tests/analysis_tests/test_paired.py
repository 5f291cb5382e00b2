import math
from types import ModuleType

import pandas as pd
import pytest
from scipy import stats

from acgkd.errors import PairingError
from analysis.records.frame import from_records
from analysis.statistics.paired import paired, t_interval


def rows_of(made_up: ModuleType, label: str, values: list[float | None], vary: tuple[str, ...]) -> pd.DataFrame:
    return from_records(
        made_up.record(
            kind="control",
            label=label,
            replicate=i,
            vary=vary,
            outcome="completed" if value is not None else "failed",
            quality={} if value is None else {"test_accuracy": value},
        )
        for i, value in enumerate(values)
    ).rows


def test_plain_pairs_agree_with_scipy(made_up: ModuleType) -> None:
    first, second = [0.8, 0.7, 0.9, 0.85], [0.75, 0.72, 0.8, 0.8]
    found = paired(rows_of(made_up, "a", first, ("draws",)), rows_of(made_up, "b", second, ("draws",)))
    assert found.p_value == pytest.approx(stats.ttest_rel(first, second).pvalue)
    assert (found.wins, found.ties, found.losses) == (3, 0, 1)


def test_resplits_are_corrected(made_up: ModuleType) -> None:
    first, second = [0.8, 0.7, 0.9], [0.75, 0.72, 0.8]
    found = paired(rows_of(made_up, "a", first, ("split",)), rows_of(made_up, "b", second, ("split",)))
    expected = t_interval([a - b for a, b in zip(first, second, strict=True)], 56, 113)
    assert (found.difference.low, found.difference.high) == pytest.approx((expected.low, expected.high))
    assert found.p_value > stats.ttest_rel(first, second).pvalue


def test_unpaired_seeds_are_named_not_filled_in(made_up: ModuleType) -> None:
    found = paired(
        rows_of(made_up, "a", [0.8, 0.7, None], ("draws",)), rows_of(made_up, "b", [0.7, None, 0.6], ("draws",))
    )
    assert found.difference.n == 1
    assert found.only_first == ("mutag 101",)
    assert found.only_second == ("mutag 102",)
    assert math.isnan(found.p_value)


def test_groups_without_a_single_value_make_no_pair(made_up: ModuleType) -> None:
    nothing = rows_of(made_up, "a", [None, None], ("draws",))
    for first, second in ((nothing, nothing), (nothing, rows_of(made_up, "b", [0.7, 0.8], ("draws",)))):
        found = paired(first, second)
        assert (found.difference.n, found.wins, found.only_first) == (0, 0, ())
        assert found.only_second == (() if second is nothing else ("mutag 100", "mutag 101"))


def test_equal_groups_do_not_differ(made_up: ModuleType) -> None:
    rows = rows_of(made_up, "a", [0.8, 0.7], ("draws",))
    found = paired(rows, rows)
    assert (found.difference.mean, found.p_value, found.ties) == (0, 1, 2)
    shifted = paired(rows_of(made_up, "b", [0.5, 0.4], ("draws",)), rows_of(made_up, "a", [0.25, 0.15], ("draws",)))
    assert shifted.difference.mean == pytest.approx(0.25)


def test_a_key_that_occurs_twice_is_refused(made_up: ModuleType) -> None:
    rows = rows_of(made_up, "a", [0.8, 0.7], ("draws",))
    with pytest.raises(PairingError, match=r"first group.*mutag"):
        paired(pd.concat([rows, rows]), rows)
