"""How much methods depend on their settings: perturbed settings, their spread, the claim's rule, equal seconds."""

import json
import math
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import analysis
from acgkd.errors import RecordError
from analysis import robustness
from analysis.records.frame import Frame, from_records
from analysis.records.record import Record

SETTINGS = {
    "synthesis/rate": 0.001, "synthesis/batch_size": 32, "synthesis/one_hot_weight": 1.0, "synthesis/clip": None,
    "synthesis/balance_weight": 0.0, "synthesis/generator/latent": 100, "synthesis/steps": 400,
    "synthesis/exponential": True, "transfer/rate": 0.003, "transfer/batch_size": 32, "transfer/weight_decay": 0.1,
}  # fmt: skip


def test_hyper_parameters_are_found_by_one_rule() -> None:
    found = robustness.hyper_parameters(SETTINGS)
    assert set(found) == {"synthesis rate", "transfer rate", "batch", "latent", "one_hot_weight"}, "no weight of 0"
    assert found["batch"] == {"synthesis/batch_size": 32, "transfer/batch_size": 32}
    two = robustness.hyper_parameters({"synthesis/concentration": 1.0, "synthesis/second_concentration": 0.1})
    assert list(two) == ["concentration"]


def test_a_perturbed_hyper_parameter_changes_its_settings_alone() -> None:
    changed = robustness.perturbed(SETTINGS, {"batch": 0.1, "one_hot_weight": 3.0})
    assert changed == {"synthesis/batch_size": 4, "transfer/batch_size": 4, "synthesis/one_hot_weight": 3.0}
    assert robustness.perturbed(SETTINGS, {"latent": 0.001}) == {"synthesis/generator/latent": 1}


def test_draws_share_what_methods_share() -> None:
    ours, theirs = robustness.jointly(SETTINGS, 30), robustness.jointly({"synthesis/rate": 3.0}, 30)
    for one, other in zip(ours, theirs, strict=True):
        assert other.factors == {"synthesis rate": one.factors["synthesis rate"]}
    drawn = [factor for variant in ours for factor in variant.factors.values()]
    assert 0.1 <= min(drawn) < 0.2
    assert 5 < max(drawn) <= 10
    assert len(set(drawn)) == len(drawn)
    assert robustness.jointly(SETTINGS, 20) == ours[:20]
    assert [variant.label for variant in robustness.one_at_a_time({"synthesis/rate": 1.0})] == [
        "synthesis rate x 0.1", "synthesis rate x 0.3", "synthesis rate x 3", "synthesis rate x 10",
    ]  # fmt: skip


def test_a_spread_is_what_it_says() -> None:
    found = robustness.spread_over_settings([0.95, 0.94, 0.5, 0.93], best=0.95, teacher=1.0)
    assert (found.worst, found.near, found.reached) == (0.5, 0.5, 0.75)
    assert found.mean.mean == pytest.approx(0.83)
    assert found.mean.sd == pytest.approx(math.sqrt((0.12**2 + 0.11**2 + 0.33**2 + 0.10**2) / 3))
    assert found.deviation.mean == pytest.approx((0.015 + 0.005 + 0.435 + 0.005) / 4), "from the median, 0.935"
    for each in (found.mean, found.deviation):
        assert each.low < each.mean < each.high
    assert math.isnan(robustness.spread_over_settings([0.9, 0.8], best=0.9, teacher=math.nan).reached)


def draws_of(values: Any) -> dict[str, float]:
    return {f"draw {number:02d}": float(value) for number, value in enumerate(values)}


def test_the_claim_is_confirmed_refuted_or_not_shown() -> None:
    contrast, verdict = robustness.contrast, robustness.verdict
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
    assert verdict([]) == "not shown"
    wider = contrast("wild", steady, wild, rivals=8)
    for wide, narrow in ((wider.mean, first.mean), (wider.deviation, first.deviation)):
        assert wide.low < narrow.low < narrow.high < wide.high, "more rivals, wider intervals"


def test_a_rival_that_is_dead_everywhere_refutes_nothing() -> None:
    chance = np.random.default_rng(0)
    ours = draws_of(chance.normal(0.9, 0.06, 30))
    dead = draws_of(chance.normal(0.1, 0.001, 30))
    found = robustness.contrast("dead", ours, dead, rivals=4)
    assert found.deviation.high < 0, "it is reliably steadier"
    assert found.verdict == "not shown"


@pytest.mark.parametrize("collapsed", [0.2, 0.5])
def test_intervals_cover_what_they_say_where_some_draws_collapse(collapsed: float) -> None:
    rounds, settings, level = 1000, 30, robustness.level(2 * 4)
    chance = np.random.default_rng(1)

    def drawn(share: float, shape: tuple[int, ...]) -> Any:
        good, dead = chance.normal(0.93, 0.02, shape), chance.normal(0.2, 0.08, shape)
        return np.where(chance.random(shape) < share, dead, good)

    many = [drawn(share, (1_000_000,)) for share in (0.2, collapsed)]
    deviation = [float(np.abs(values - np.median(values)).mean()) for values in many]
    truths = float(many[0].mean() - many[1].mean()), deviation[1] - deviation[0]
    covered = np.zeros(2)
    for mine, other in zip(drawn(0.2, (rounds, settings)), drawn(collapsed, (rounds, settings)), strict=True):
        found = robustness.contrast("rival", draws_of(mine), draws_of(other), rivals=4)
        for index, (interval, truth) in enumerate(zip((found.mean, found.deviation), truths, strict=True)):
            covered[index] += interval.low <= truth <= interval.high
    slack = 3 * math.sqrt(level * (1 - level) / rounds)
    assert (np.abs(covered / rounds - level) < slack + 0.002).all(), covered / rounds


def run(made_up: ModuleType, method: str, label: str, outcome: str, accuracy: float, replicate: int = 0) -> Record:
    own = label == method
    quality = {"test_accuracy": accuracy, "majority_accuracy": 0.1, "teacher_test_accuracy": 1.0, "test_size": 500}
    record: Record = made_up.record(
        kind="trial" if own else "control", label="trial 0" if own else label, method=method, sweep=f"study-{method}",
        replicate=replicate, outcome=outcome, quality=quality,
    )  # fmt: skip
    return record.model_copy(update={"settings": {f"method/{path}": value for path, value in SETTINGS.items()}})


@pytest.mark.parametrize("outcome", ["diverged", "crashed"])
def test_a_failed_setting_counts_as_the_majority_class_and_a_missing_one_not_at_all(
    made_up: ModuleType, outcome: str
) -> None:
    found = [
        *(run(made_up, "rdskd", "rdskd", "completed", 0.9, seed) for seed in (0, 1)),
        *(run(made_up, "rdskd", "draw 00", "completed", 0.8 + 0.1 * seed, seed) for seed in (0, 1)),
        run(made_up, "rdskd", "draw 01", "completed", 0.9),
        run(made_up, "rdskd", "draw 01", outcome, 0.0, 1),
        run(made_up, "rdskd", "batch x 3", "completed", 0.9),
        run(made_up, "rdskd", "draw 03", "failed", 0.0),
        run(made_up, "rdskd", "draw 03", "completed", 0.9, 1),
    ]
    (study,) = robustness.studies(from_records(found))
    assert study.draws == {"draw 00": pytest.approx(0.85), "draw 01": pytest.approx(0.5)}
    assert study.failed == ["draw 01"]
    assert (study.partial, study.broken) == (["batch x 3"], ["draw 03"])
    assert (study.default, study.teacher, study.test_size, study.seeds) == (0.9, 1.0, 500, 2)
    assert set(study.hyper_parameters) == {"synthesis rate", "transfer rate", "batch", "latent", "one_hot_weight"}
    said = robustness.absent([study])
    assert said.startswith("1 settings have not been run yet; 1 ended in an error")
    assert "(rdskd draw 03)" in said
    assert robustness.contrasts([study, study], "rdskd") == []


def test_draws_that_one_method_lacks_leave_the_claim_open(made_up: ModuleType) -> None:
    def records(method: str, draws: int) -> list[Record]:
        many = [run(made_up, method, f"draw {n:02d}", "completed", 0.5 + n / 100) for n in range(draws)]
        return [run(made_up, method, method, "completed", 0.9), *many]

    whole = robustness.studies(from_records([*records("ours", 4), *records("theirs", 4)]))
    (found,) = robustness.contrasts(whole, "ours")
    assert (found.rival, found.mean.mean, found.mean.n, found.verdict) == ("theirs", 0.0, 4, "not shown")
    short = robustness.studies(from_records([*records("ours", 4), *records("theirs", 3)]))
    assert robustness.absent(short) == "1 settings have not been run yet"
    assert robustness.contrasts(short, "ours") == []
    assert robustness.contrasts(whole, "nobody") == []


@pytest.mark.parametrize("label", ["steps x 2", "net x 1.2.3"])
def test_a_control_with_a_label_like_a_perturbation_leaves_its_sweep_in_a_comparison(
    made_up: ModuleType, label: str
) -> None:
    found = [run(made_up, name, name, "completed", 0.9, seed) for name in ("ours", "theirs") for seed in (0, 1)]
    found += [run(made_up, "theirs", label, "completed", 0.7, seed) for seed in (0, 1)]
    comparison = analysis.compare_methods(from_records(found), published={})
    assert comparison.studies == ()
    assert set(comparison.rows["contestant"]) == {"ours", "theirs"}
    assert label in set(comparison.rows["row"])


def test_a_suite_says_which_of_its_sweeps_are_studies(made_up: ModuleType, tmp_path: Path) -> None:
    entry = {"dataset": "one", "pair": "big-small", "reference": "ours", "rows": ["ours"], "seeds": 1}
    members = [{"name": "all", **entry}, {"name": "study", **entry, "study": "ours"}]
    for name in ("all", "study"):
        records = [run(made_up, "ours", label, "completed", 0.9) for label in ("ours", "batch x 3")]
        made_up.write_folder(tmp_path / "sweeps" / name, records)
    (tmp_path / "suite.json").write_text(json.dumps({"name": "made-up", "digest": "", "members": members}))
    assert [study.source for study in robustness.studies(analysis.load(tmp_path))] == ["study"]
    apart = analysis.load((tmp_path / "sweeps" / "all").rename(tmp_path / "apart"))
    assert len(robustness.studies(apart)) == 1, "on its own it is one by its controls"


def test_a_curve_is_read_between_its_points() -> None:
    curve = robustness.TimedCurve((10.0, 20.0, 40.0), (0.5, 0.7, 0.9))
    assert [curve.at(s) for s in (10, 15, 30, 40, 99)] == pytest.approx([0.5, 0.6, 0.8, 0.9, 0.9])
    assert math.isnan(curve.at(9.9))


def timed(made_up: ModuleType, tmp_path: Path) -> tuple[Frame, Path]:
    rows = {"fast": ([2.0, 4.0], [0.6, 0.8]), "slow": ([10.0, 40.0], [0.5, 0.9])}
    records = [made_up.record(kind="control", label=name, method=name, sweep="s") for name in rows]
    records = [
        item.model_copy(update={"identity": item.identity.model_copy(update={"fingerprint": item.identity.label})})
        for item in records
    ]
    tree = {
        "s": {
            f"{record.identity.fingerprint}-100": dict(zip(("seconds", "accuracy"), rows[name], strict=True))
            for name, record in zip(rows, records, strict=True)
        }
    }
    path = tmp_path / "curves.json"
    path.write_text(json.dumps(tree))
    return from_records(records), path


def test_equal_seconds_are_read_from_the_curves_of_the_same_runs(made_up: ModuleType, tmp_path: Path) -> None:
    frame, path = timed(made_up, tmp_path)
    table = robustness.equal_seconds(frame, robustness.read_curves(path), "fast").set_index("row")
    assert table.loc["fast", ["seconds", "after 2", "after 4", "after 8"]].tolist() == [4.0, 0.6, 0.8, 0.8]
    assert math.isnan(table.loc["fast", "after 1"]), "not begun"
    assert [bool(table.loc["fast", f"ended {after}"]) for after in (1, 2, 4, 8)] == [False, False, True, True]
    assert table.loc["slow", [f"after {after}" for after in (1, 2, 4, 8)]].isna().all()
    assert robustness.equal_seconds(frame, {}, "fast").empty


@pytest.mark.parametrize("text", ["", "[1]", '{"s": {"r": {}}}', '{"s": {"r": 1}}', '{"s": 3}'])
def test_a_file_that_holds_no_curves_is_named(text: str, tmp_path: Path) -> None:
    path = tmp_path / "curves.json"
    path.write_text(text)
    with pytest.raises(RecordError, match=r"curves\.json cannot be read as one"):
        robustness.read_curves(path)
    with pytest.raises(RecordError, match="gone"):
        robustness.read_curves(tmp_path / "gone.json")
