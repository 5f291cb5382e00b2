"""What the benchmark of image methods says: its statistics, its targets, what it took."""

import math
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from acgkd.config import MethodChoice
from tests.image_scripts import IMAGES, imported, record


@pytest.fixture(scope="module")
def scripts() -> SimpleNamespace:
    return imported(*IMAGES)


def test_a_spread_is_what_it_says(scripts: SimpleNamespace) -> None:
    found = scripts.claim.spread([0.95, 0.94, 0.5, 0.93], best=0.95, teacher=1.0)
    assert (found.worst, found.near, found.reached) == (0.5, 0.5, 0.75)
    assert found.mean.mean == pytest.approx(0.83)
    assert found.mean.sd == pytest.approx(math.sqrt((0.12**2 + 0.11**2 + 0.33**2 + 0.10**2) / 3))
    assert found.deviation.mean == pytest.approx((0.015 + 0.005 + 0.435 + 0.005) / 4), "from the median, 0.935"
    for each in (found.mean, found.deviation):
        assert each.low < each.mean < each.high
    assert math.isnan(scripts.claim.spread([0.9, 0.8], best=0.9, teacher=math.nan).reached)


def draws_of(values: Any) -> dict[str, float]:
    return {f"draw {number:02d}": float(value) for number, value in enumerate(values)}


def test_the_claim_is_confirmed_refuted_or_not_shown(scripts: SimpleNamespace) -> None:
    contrast, verdict = scripts.claim.contrast, scripts.claim.verdict
    steady = draws_of(0.95 + 0.001 * (n % 5) for n in range(30))
    wild = draws_of(0.95 - 0.02 * (n % 7) for n in range(30))
    low = draws_of(0.80 + 0.001 * (n % 5) for n in range(30))
    first = contrast("wild", steady, wild, rivals=2)
    assert (first.rival, first.mean.n, first.verdict) == ("wild", 30, "confirmed")
    assert first.mean.mean == pytest.approx(sum(steady.values()) / 30 - sum(wild.values()) / 30)
    back = contrast("steady", wild, steady, rivals=2)
    assert (back.mean.mean, back.deviation.mean) == pytest.approx((-first.mean.mean, -first.deviation.mean))
    assert back.verdict == "refuted"
    same = contrast("same", steady, dict(steady), rivals=2)
    assert same.verdict == "not shown"
    assert contrast("low", steady, low, rivals=2).verdict == "not shown", "as steady, so one half of the claim is not"
    assert contrast("steady", low, steady, rivals=2).verdict == "refuted", "as steady, but lower"
    assert verdict([first, first]) == "confirmed"
    assert verdict([first, back, same]) == "refuted"
    assert verdict([first, same]) == "not shown"
    wider = contrast("wild", steady, wild, rivals=8)
    for wide, narrow in ((wider.mean, first.mean), (wider.deviation, first.deviation)):
        assert wide.low < narrow.low < narrow.high < wide.high, "more rivals, wider intervals"


def test_a_rival_that_is_dead_everywhere_refutes_nothing(scripts: SimpleNamespace) -> None:
    chance = np.random.default_rng(0)
    ours = draws_of(chance.normal(0.9, 0.06, 30))
    dead = draws_of(chance.normal(0.1, 0.001, 30))
    found = scripts.claim.contrast("dead", ours, dead, rivals=4)
    assert found.deviation.high < 0, "it is reliably steadier"
    assert found.verdict == "not shown"


@pytest.mark.parametrize("collapsed", [0.2, 0.5])
def test_intervals_cover_what_they_say_where_some_draws_collapse(scripts: SimpleNamespace, collapsed: float) -> None:
    rounds, settings, level = 1500, 30, scripts.claim.level(2 * 4)
    chance = np.random.default_rng(1)

    def drawn(share: float, shape: tuple[int, ...]) -> Any:
        good, dead = chance.normal(0.93, 0.02, shape), chance.normal(0.2, 0.08, shape)
        return np.where(chance.random(shape) < share, dead, good)

    many = [drawn(share, (1_000_000,)) for share in (0.2, collapsed)]
    deviation = [float(np.abs(values - np.median(values)).mean()) for values in many]
    truths = float(many[0].mean() - many[1].mean()), deviation[1] - deviation[0]
    covered = np.zeros(2)
    for mine, other in zip(drawn(0.2, (rounds, settings)), drawn(collapsed, (rounds, settings)), strict=True):
        found = scripts.claim.contrast("rival", draws_of(mine), draws_of(other), rivals=4)
        for index, (interval, truth) in enumerate(zip((found.mean, found.deviation), truths, strict=True)):
            covered[index] += interval.low <= truth <= interval.high
    slack = 3 * math.sqrt(level * (1 - level) / rounds)
    assert (np.abs(covered / rounds - level) < slack + 0.002).all(), covered / rounds


def test_a_failed_setting_counts_as_the_majority_class_and_a_missing_one_not_at_all(scripts: SimpleNamespace) -> None:
    variants = [scripts.robustness.Variant(f"draw {n:02d}", {"batch": 1.0}) for n in range(4)]
    spec = SimpleNamespace(name="s", replicates=SimpleNamespace(seeds=(0, 1)), method=MethodChoice(name="rdskd"))
    found = [
        *(record("draw 00", "completed", 0.8 + 0.1 * seed, seed) for seed in (0, 1)),
        record("draw 01", "completed", 0.9),
        record("draw 01", "diverged", None, 1),
        record("draw 02", "completed", 0.9),
        record("draw 03", "failed", None),
        record("draw 03", "completed", 0.9, 1),
    ]
    single = [scripts.robustness.Variant("batch x 3", {"batch": 3.0})]
    study = scripts.image_study.Study.of("rdskd", spec, found, single, variants)
    assert study.values(variants) == {"draw 00": pytest.approx(0.85), "draw 01": pytest.approx(0.5)}
    assert study.failed == ["draw 01"]
    assert (study.missing, study.broken) == (["rdskd", "batch x 3", "draw 02"], ["draw 03"])
    assert (study.teacher, study.test_size) == (1.0, 500)
    assert not study.complete
    assert scripts.image_study.contrasts([study, study], "rdskd") == []
    lines = scripts.image_targets.claim([study])[0]
    assert "3 settings have not been run yet; 1 ended in an error" in lines
    assert "(rdskd draw 03)" in lines
    last = [scripts.image_study.spread_table([study], kind)[2].split(" | ")[-1] for kind in ("single", "together")]
    assert last == ["0 |", "1 |"], "a failed run counts in its own table"


def compared(scripts: SimpleNamespace, values: dict[str, list[float | str]]) -> Any:
    """Results of `rdskd` and others on several seeds: accuracies, or how a run ended."""
    found = [
        record(
            label, "completed" if isinstance(value, float) else value, value if isinstance(value, float) else None, seed
        )
        for label, row in values.items()
        for seed, value in enumerate(row)
    ]
    spec = SimpleNamespace(
        name="s", replicates=SimpleNamespace(seeds=range(5)), method=SimpleNamespace(name="rdskd"),
        controls=[SimpleNamespace(label=label) for label in values if label != "rdskd"],
        control=lambda label: SimpleNamespace(name=label),
    )  # fmt: skip
    return scripts.tables.Results.of(spec, scripts.comparison.frame_of(found))


def test_targets_speak_of_runs_that_are_all_there(scripts: SimpleNamespace) -> None:
    nothing = compared(scripts, {})

    def lines(compact: dict[str, list[float | str]], published: Any = nothing) -> list[str]:
        return [line for line in scripts.image_targets.targets(compared(scripts, compact), published, []) if line]

    good: list[float | str] = [0.96, 0.97, 0.96, 0.98, 0.97]
    noise: list[float | str] = [0.30, 0.35, 0.40, 0.33, 0.31]
    assert [": met; " in line for line in lines({"rdskd": good, "noise": noise})] == [True, True, False]
    short, floor, _ = lines({"rdskd": good[:1], "noise": noise})
    assert "not decided; 1 of 5 runs completed" in short
    assert "not decided; 6 of 10 runs completed" in floor
    broken = lines({"rdskd": [*good[:4], "failed"], "noise": noise})[0]
    assert "not decided; 4 of 5 runs completed, 1 failed" in broken
    diverged = lines({"rdskd": [*good[:4], "diverged"], "noise": noise})[0]
    assert "missed; 0.794" in diverged, "four good seeds and one of the majority class, at 0.1"
    assert "1 diverged" in diverged
    below = lines({"rdskd": good, "dafl": [0.2] * 5, "noise": noise})[1]
    assert ": missed; " in below
    assert "not above: dafl" in below
    chance = lines({"rdskd": good, "dafl": [0.2, 0.9, 0.3, 0.9, 0.2], "noise": noise})[1]
    assert ": met in the mean; " in chance
    assert "not beyond chance: dafl" in chance


def test_the_published_target_is_there_with_its_records(scripts: SimpleNamespace) -> None:
    rows: dict[str, list[float | str]] = {"rdskd": [0.96, 0.97, 0.96, 0.98, 0.97], "noise": [0.3] * 5}
    full = compared(scripts, rows)
    law = "MNIST, published: `rdskd`'s mean at least 0.98 of its teacher's: missed; 0.968"
    assert any(law in line for line in scripts.image_targets.targets(full, full, []))
    assert not any("published" in line for line in scripts.image_targets.targets(full, compared(scripts, {}), []))


def test_what_it_took_is_counted_once(scripts: SimpleNamespace) -> None:
    day = "2020-01-01T00:0"
    teacher = record("teacher", "completed", None, teacher_s=360.0)
    clocks = record("draw 00", "completed", 0.9, synthesis_s=100.0, transfer_s=40.0, evaluation_s=4.0)
    cached = record("draw 01", "completed", 0.9, synthesis_s=100.0, transfer_s=40.0, synthesis_cached=True)
    slow = record("draw 02", "completed", 0.9, joint_s=50.0, started_at=f"{day}0:00", finished_at=f"{day}2:56")
    table = scripts.image_tables.cost_table({"a": [teacher, clocks, cached, slow], "b": [teacher, cached], "c": []})
    assert table[2] == "| a | 3 | 0.20 | 176 | rdskd, draw 02 |"
    assert table[3] == "| b | 1 | 0.01 | 40 | rdskd, draw 01 |"
    assert table[5] == "| together |  | 0.21 |  |  |"
