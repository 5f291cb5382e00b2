"""Which pairs may be edges: laws of the pairs, counts by mode, a slow twin, evenness, and little memory."""

import math
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils._python_dispatch import TorchDispatchMode

from acgkd.graphs.pseudo.candidates import Candidates, Mode, _distinct, draw_candidates, rank, regrown, unrank


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def check_laws(candidates: Candidates) -> None:
    """Distinct pairs i < j, each within its own graph, graph by graph."""
    pairs = candidates.pairs
    assert int(candidates.counts.sum()) == pairs.shape[1]
    assert bool((pairs[0] < pairs[1]).all())
    assert len({tuple(pair) for pair in pairs.t().tolist()}) == pairs.shape[1]
    graph_of_node = torch.arange(candidates.sizes.numel()).repeat_interleave(candidates.sizes)
    graph_of_pair = torch.arange(candidates.sizes.numel()).repeat_interleave(candidates.counts)
    assert torch.equal(graph_of_node[pairs[0]], graph_of_pair)
    assert torch.equal(graph_of_node[pairs[1]], graph_of_pair)


@settings(deadline=None)
@given(
    st.lists(st.integers(2, 40), min_size=1, max_size=8),
    st.sampled_from(["ratio", "degree", "threshold"]),
    st.floats(0.01, 1.0),
    st.integers(0, 1000),
)
def test_pairs_keep_the_laws(sizes: list[int], mode: Mode, share: float, seed: int) -> None:
    value = 10 * share if mode == "degree" else share
    candidates = draw_candidates(torch.tensor(sizes), mode, value, generator(seed))
    check_laws(candidates)
    assert candidates.nodes == sum(sizes)
    for n, count in zip(sizes, candidates.counts.tolist(), strict=True):
        total = n * (n - 1) // 2
        wanted = {"ratio": share * total, "degree": value * n / 2, "threshold": total}[mode]
        assert 1 <= count <= total
        assert count == total or abs(count - max(1.0, wanted)) <= 0.5 + 1e-9


def test_counts_by_hand() -> None:
    sizes = torch.tensor([10, 4])
    assert draw_candidates(sizes, "ratio", 0.2, generator()).counts.tolist() == [9, 1]
    assert draw_candidates(sizes, "degree", 4.0, generator()).counts.tolist() == [20, 6]
    assert draw_candidates(sizes, "threshold", 0.9, generator()).counts.tolist() == [45, 6]


def test_equal_seeds_give_equal_pairs() -> None:
    sizes = torch.tensor([30, 30])
    one, same, other = (draw_candidates(sizes, "degree", 4.0, generator(seed)).pairs for seed in (1, 1, 2))
    assert torch.equal(one, same)
    assert not torch.equal(one, other)


def slow_pairs(count: int) -> list[list[int]]:
    pairs: list[list[int]] = []
    j = 1
    while len(pairs) < count:
        pairs += [[i, j] for i in range(j)]
        j += 1
    return pairs[:count]


def test_unrank_equals_the_written_list() -> None:
    assert unrank(torch.arange(3000)).t().tolist() == slow_pairs(3000)


@given(st.integers(0, 2**50))
def test_unrank_is_exact_for_huge_numbers(code: int) -> None:
    i, j = (int(part) for part in unrank(torch.tensor([code])).flatten())
    assert 0 <= i < j
    assert j * (j - 1) // 2 + i == code


@given(st.integers(1, 200), st.data())
def test_distinct_numbers_are_distinct_ascending_and_in_range(total: int, data: st.DataObject) -> None:
    keep = data.draw(st.integers(1, total))
    found = _distinct(total, keep, generator(data.draw(st.integers(0, 99))))
    assert found.numel() == keep
    assert bool((found[1:] > found[:-1]).all())
    assert 0 <= int(found[0]) <= int(found[-1]) < total


@pytest.mark.parametrize(("total", "keep"), [(60, 6), (60, 20)], ids=["by rejection", "by permutation"])
def test_every_number_is_as_likely_as_any_other(total: int, keep: int) -> None:
    rounds, g = 4000, generator(3)
    counts = torch.zeros(total)
    for _ in range(rounds):
        counts[_distinct(total, keep, g)] += 1
    p = keep / total
    # Pearson's sum over the cells; drawing without replacement shrinks it by (1 - p) · total / (total - 1).
    statistic = float(((counts - rounds * p) ** 2 / (rounds * p)).sum()) / ((1 - p) * total / (total - 1))
    assert abs(statistic - (total - 1)) < 4 * math.sqrt(2 * (total - 1))


def test_pairs_of_pairs_are_as_likely_as_any_other() -> None:
    # Catches a rule that favours neighbours or low numbers jointly: all 28 sets of 2 of 8 come up alike.
    rounds, g = 6000, generator(4)
    seen: dict[tuple[int, ...], int] = {}
    for _ in range(rounds):
        drawn = tuple(_distinct(8, 2, g).tolist())
        seen[drawn] = seen.get(drawn, 0) + 1
    assert len(seen) == 28
    statistic = sum((count - rounds / 28) ** 2 / (rounds / 28) for count in seen.values())
    assert statistic < 27 + 4 * math.sqrt(2 * 27)


class LargestTensor(TorchDispatchMode):
    """Remembers the most numbers that any operation inside the block made."""

    numel = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        made = func(*args, **(kwargs or {}))
        if isinstance(made, torch.Tensor):
            self.numel = max(self.numel, made.numel())
        return made


def test_four_thousand_nodes_cost_no_more_than_their_candidates() -> None:
    # There are 8 million pairs; degree mode holds 8,800 and never lists the others.
    with LargestTensor() as largest:
        candidates = draw_candidates(torch.tensor([4000]), "degree", 4.4, generator())
    check_laws(candidates)
    assert candidates.counts.tolist() == [8800]
    assert 8800 <= largest.numel <= 10 * 8800


@settings(deadline=None)
@given(
    st.lists(st.integers(2, 20), min_size=1, max_size=5),
    st.floats(0.05, 1.0),
    st.floats(0.01, 0.99),
    st.integers(0, 1000),
)
def test_regrown_pairs_keep_the_laws_and_replace_the_least_likely(
    sizes: list[int], ratio: float, share: float, seed: int
) -> None:
    draw = generator(seed)
    candidates = draw_candidates(torch.tensor(sizes), "ratio", ratio, draw)
    likelihood = torch.randint(5, (candidates.pairs.shape[1],), generator=draw).float()
    picked = torch.arange(0, len(sizes), 2)
    new, places = regrown(candidates, likelihood, share, picked, draw)
    check_laws(new)
    assert torch.equal(new.counts, candidates.counts)
    before, after = (set(map(tuple, some.pairs.t().tolist())) for some in (candidates, new))
    start = 0
    expected = []
    for index, (n, count) in enumerate(zip(sizes, candidates.counts.tolist(), strict=True)):
        if index % 2 == 0:
            wanted = min(int(share * count), n * (n - 1) // 2 - count)
            ordered = sorted(range(start, start + count), key=lambda place: (likelihood[place].item(), place))
            expected += ordered[:wanted]
        start += count
    assert sorted(places.tolist()) == sorted(expected)
    # Nothing that was a candidate comes back at once, and all else stays in its place.
    assert len(after - before) == len(expected)
    stay = torch.ones(candidates.pairs.shape[1], dtype=torch.bool)
    stay[places] = False
    assert torch.equal(new.pairs[:, stay], candidates.pairs[:, stay])


def test_what_regrows_is_even_over_the_pairs_that_are_left() -> None:
    candidates = draw_candidates(torch.tensor([8]), "ratio", 0.5, generator())
    draw, seen = generator(1), torch.zeros(28)
    for _ in range(2000):
        new, places = regrown(candidates, torch.zeros(14), 0.5, torch.tensor([0]), draw)
        seen[rank(new.pairs[:, places])] += 1
    assert bool((seen[rank(candidates.pairs)] == 0).all())
    left = seen[seen > 0]
    # Each of the 14 is taken half of the time, give or take five deviations.
    assert left.numel() == 14
    assert (left - 1000).abs().max() < 5 * (2000 * 0.25) ** 0.5


def test_the_rank_is_the_place_in_the_list() -> None:
    codes = torch.arange(500)
    assert torch.equal(rank(unrank(codes)), codes)
