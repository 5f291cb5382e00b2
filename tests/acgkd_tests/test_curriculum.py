import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from acgkd.errors import ConfigError
from acgkd.settings.choices import Pacing
from acgkd.transfer.curriculum import admitted, admitted_share

PACINGS = ("none", "linear", "root", "geometric", "step")
shares = st.floats(0.01, 1.0)
times = st.floats(0.0, 1.0)


@given(st.sampled_from(PACINGS), shares, shares, times, times)
def test_the_share_never_falls(pacing: Pacing, pace: float, start: float, one: float, other: float) -> None:
    early, late = sorted((one, other))
    before = admitted_share(early, pacing=pacing, pace=pace, start=start)
    assert before <= admitted_share(late, pacing=pacing, pace=pace, start=start) + 1e-12


@given(st.sampled_from(PACINGS), shares, shares, times)
def test_the_share_stays_between_start_and_one(pacing: Pacing, pace: float, start: float, done: float) -> None:
    share = admitted_share(done, pacing=pacing, pace=pace, start=start)
    assert start - 1e-12 <= share <= 1.0


@given(st.sampled_from(PACINGS), shares, shares)
def test_all_are_in_at_pace_and_start_is_in_at_zero(pacing: Pacing, pace: float, start: float) -> None:
    assert admitted_share(pace, pacing=pacing, pace=pace, start=start) == 1.0
    assert admitted_share(1.0, pacing=pacing, pace=pace, start=start) == 1.0
    first = admitted_share(0.0, pacing=pacing, pace=pace, start=start)
    assert first == pytest.approx(1.0 if pacing == "none" else start)


def test_half_way_by_hand() -> None:
    half = {p: admitted_share(0.2, pacing=p, pace=0.4, start=0.25) for p in PACINGS}  # type: ignore[arg-type]
    assert half["none"] == 1.0
    assert half["linear"] == pytest.approx(0.625)
    assert half["root"] == pytest.approx(math.sqrt(0.0625 + 0.9375 / 2))
    assert half["geometric"] == pytest.approx(0.5)
    assert half["step"] == pytest.approx(0.25 + 0.75 / 3)
    # Root is ahead of linear, geometric behind it.
    assert half["geometric"] < half["linear"] < half["root"]


def test_step_lets_in_three_equal_lots() -> None:
    values = [admitted_share(t / 100, pacing="step", pace=0.9, start=0.4) for t in range(101)]
    assert sorted(set(values)) == pytest.approx([0.4, 0.6, 0.8, 1.0])


@pytest.mark.parametrize("bad", [0.0, -0.1, 1.4, math.nan])
def test_pace_and_start_outside_their_range_are_refused(bad: float) -> None:
    with pytest.raises(ConfigError, match="0 < pace <= 1"):
        admitted_share(0.1, pacing="linear", pace=bad, start=0.3)
    with pytest.raises(ConfigError, match="0 < start <= 1"):
        admitted_share(0.1, pacing="linear", pace=0.3, start=bad)


def slow_admitted(difficulty: list[float], labels: list[int], share: float) -> list[int]:
    """Sorts each class by (difficulty, number) and takes the first of them."""
    kept: list[int] = []
    for label in sorted(set(labels)):
        members = sorted((d, i) for i, (d, own) in enumerate(zip(difficulty, labels, strict=True)) if own == label)
        wanted = max(1, math.ceil(round(share * len(members), 9)))
        kept += [i for _, i in members[:wanted]]
    return sorted(kept)


@pytest.mark.fidelity
@given(
    st.lists(st.tuples(st.sampled_from([0.0, 0.5, 1.0, 2.5]), st.integers(0, 3)), min_size=1, max_size=40),
    st.floats(0.01, 1.0),
)
def test_admitted_equals_the_slow_twin_and_breaks_ties_by_number(
    samples: list[tuple[float, int]], share: float
) -> None:
    difficulty, labels = [s[0] for s in samples], [s[1] for s in samples]
    got = admitted(torch.tensor(difficulty), torch.tensor(labels), share)
    assert got.tolist() == slow_admitted(difficulty, labels, share)


@given(st.integers(2, 30), st.integers(2, 4), st.floats(0.01, 1.0))
def test_admitted_is_balanced_over_classes(each: int, classes: int, share: float) -> None:
    labels = torch.arange(each * classes) % classes
    # Class 0 is easiest throughout: without balance it would come first alone.
    got = admitted(labels.float() * 10, labels, share)
    counts = torch.bincount(labels[got], minlength=classes)
    assert counts.min() == counts.max()
    assert counts.min() >= 1


def test_a_share_of_a_whole_number_admits_that_number() -> None:
    # 0.55 * 100 is 55.00000000000001 in floating point: it must not round up to 56.
    assert admitted(torch.arange(100.0), torch.zeros(100, dtype=torch.long), 0.55).numel() == 55


def test_admitted_grows_by_addition() -> None:
    g = torch.Generator().manual_seed(0)
    difficulty, labels = torch.rand(30, generator=g), torch.randint(3, (30,), generator=g)
    inside: set[int] = set()
    for share in (0.1, 0.3, 0.6, 0.9, 1.0):
        now = set(admitted(difficulty, labels, share).tolist())
        assert inside <= now
        inside = now
    assert inside == set(range(30))
