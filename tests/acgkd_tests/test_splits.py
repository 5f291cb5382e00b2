"""Splits: seeded, stratified, whole; and split files."""

import json
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from acgkd.datasets import Official
from acgkd.errors import DataError
from acgkd.run.splits import read_split_file, split, split_official

THIRDS = (0.6, 0.1, 0.3)


@given(
    counts=st.lists(st.integers(3, 60), min_size=1, max_size=5),
    fractions=st.sampled_from([THIRDS, (0.8, 0.1, 0.1), (0.05, 0.05, 0.9), (1 / 3, 1 / 3, 1 / 3)]),
    seed=st.integers(0, 2**40),
)
def test_every_class_is_dealt_out_whole_and_in_its_shares(
    counts: list[int], fractions: tuple[float, float, float], seed: int
) -> None:
    labels = torch.repeat_interleave(torch.arange(len(counts)), torch.tensor(counts))
    labels = labels[torch.randperm(labels.numel(), generator=torch.Generator().manual_seed(seed))]
    parts = split(labels, fractions, seed)
    dealt = torch.cat([parts.train, parts.validation, parts.test])
    assert sorted(dealt.tolist()) == list(range(labels.numel()))
    for part, share in zip((parts.train, parts.validation, parts.test), fractions, strict=True):
        assert part.tolist() == sorted(part.tolist())
        for number, count in enumerate(counts):
            got = int((labels[part] == number).sum())
            assert got >= 1
            # Largest remainders are within one; giving an empty part its sample may cost its donor two more.
            assert abs(got - share * count) < 3


def test_shares_are_exact_where_they_can_be() -> None:
    parts = split(torch.tensor([0, 1] * 50), THIRDS, 0)
    assert [part.numel() for part in (parts.train, parts.validation, parts.test)] == [60, 10, 30]


def test_equal_seeds_deal_equally_and_others_do_not() -> None:
    labels = torch.tensor([0, 1] * 50)
    assert torch.equal(split(labels, THIRDS, 7).test, split(labels, THIRDS, 7).test)
    assert not torch.equal(split(labels, THIRDS, 7).test, split(labels, THIRDS, 8).test)


def test_the_global_generator_is_left_alone() -> None:
    before = torch.get_rng_state()
    split(torch.tensor([0, 1] * 10), THIRDS, 0)
    assert torch.equal(before, torch.get_rng_state())


def test_rare_classes_go_to_train_first_and_test_next() -> None:
    parts = split(torch.tensor([0] * 20 + [1, 1] + [2]), THIRDS, 0)
    assert 22 in parts.train
    assert {20, 21} - set(parts.train.tolist()) - set(parts.test.tolist()) == set()
    assert len({20, 21} & set(parts.test.tolist())) == 1


def test_too_small_a_set_is_refused() -> None:
    with pytest.raises(DataError, match="leaves `validation` empty"):
        split(torch.tensor([0, 1]), THIRDS, 0)


@given(
    counts=st.lists(st.integers(3, 60), min_size=1, max_size=5),
    validation=st.sampled_from([0.1, 0.5, 0.01]),
    test=st.integers(1, 20),
    seed=st.integers(0, 2**40),
)
def test_a_published_test_part_stays_and_the_rest_is_dealt_out(
    counts: list[int], validation: float, test: int, seed: int
) -> None:
    labels = torch.repeat_interleave(torch.arange(len(counts)), torch.tensor(counts))
    labels = torch.cat([labels, torch.zeros(test, dtype=torch.long)])
    published = torch.arange(labels.numel() - test, labels.numel())
    parts = split_official(labels, Official(published, validation), seed)
    assert torch.equal(parts.test, published)
    dealt = torch.cat([parts.train, parts.validation, parts.test])
    assert sorted(dealt.tolist()) == list(range(labels.numel()))
    for number, count in enumerate(counts):
        judges = int((labels[parts.validation] == number).sum())
        assert judges >= 1
        assert abs(judges - validation * count) < 1.5
    again = split_official(labels, Official(published, validation), seed)
    assert torch.equal(parts.train, again.train)


def test_seeds_deal_the_rest_differently() -> None:
    labels, official = torch.tensor([0, 1] * 50), Official(torch.arange(80, 100), 0.25)
    first, other = split_official(labels, official, 0), split_official(labels, official, 1)
    assert first.validation.numel() == other.validation.numel() == 20
    assert not torch.equal(first.validation, other.validation)


def written(tmp_path: Path, content: object) -> Path:
    path = tmp_path / "split.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def test_a_split_file_is_read(tmp_path: Path) -> None:
    parts = read_split_file(written(tmp_path, {"train": [3, 0], "validation": [1], "test": [2]}), 4)
    assert parts.train.tolist() == [0, 3]
    assert parts.test.tolist() == [2]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", "cannot be read"),
        ("[" * 100_000, "cannot be read"),
        ([1, 2], "must hold the lists"),
        ({"train": [0], "test": [1]}, "must hold the lists"),
        ({"train": [0], "validation": [1], "test": [2], "more": []}, "must hold the lists"),
        ({"train": [0], "validation": [], "test": [2]}, "`validation` .* at least one"),
        ({"train": [0], "validation": [1.0], "test": [2]}, "`validation`"),
        ({"train": [True], "validation": [1], "test": [2]}, "`train`"),
        ({"train": [0], "validation": [1], "test": [4]}, r"`0 <= number < 4` must hold, but `test` .* has 4"),
        ({"train": [0], "validation": [-1], "test": [2]}, "has -1"),
        ({"train": [0, 1], "validation": [1], "test": [2]}, "repeats one: 1"),
        ({"train": [0, 0], "validation": [1], "test": [2]}, "repeats one"),
    ],
)
def test_bad_split_files_are_refused(tmp_path: Path, content: object, words: str) -> None:
    with pytest.raises(DataError, match=words):
        read_split_file(written(tmp_path, content), 4)


def test_a_missing_split_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be read"):
        read_split_file(tmp_path / "none.json", 4)
