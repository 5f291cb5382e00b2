"""The benchmark of image methods: its knobs, its statistics, its curves, and that it runs, goes on and tells."""

import importlib
import math
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from acgkd.methods import parse_method
from analysis.record import Environment, Identity, Quality, Record
from sweeps import archive
from tests.tiny_images import distillation

ROOT = Path(__file__).resolve().parents[2]
MODULES = ("_comparison", "_curves", "_image_figure", "_image_page", "_image_tables", "_robustness", "image_methods")
TINY = """
dataset: digits
teacher: {preset: wrn-10-1, epochs: 1, batch_size: 256}
student: wrn-10-1
method:
  name: rdskd
  synthesis: {recipe: compact, steps: 2, batch_size: 8, generator: {latent: 10, width: 8}}
  transfer: {steps: 4, batch_size: 8}
replicates: {seeds: [0], vary: [draws]}
controls:
  - {name: dafl, synthesis: {recipe: compact, steps: 4, batch_size: 8, generator: {latent: 10, width: 8}}}
  - noise
"""


@pytest.fixture(scope="module")
def scripts() -> Iterator[SimpleNamespace]:
    """The scripts, imported as they import each other."""
    home = ROOT / "benchmarks"
    sys.path.insert(0, str(home))
    yield SimpleNamespace(**{name.lstrip("_"): importlib.import_module(name) for name in MODULES})
    sys.path.remove(str(home))
    for name in [name for name, module in sys.modules.items() if _lies_in(module, home)]:
        del sys.modules[name]


def _lies_in(module: Any, folder: Path) -> bool:
    return Path(getattr(module, "__file__", None) or "").parent == folder


@pytest.fixture(scope="module")
def methods(scripts: SimpleNamespace) -> dict[str, Any]:
    """The methods of the study of robustness, untouched."""
    return {item.label: item.spec.method for item in scripts.image_methods.turned("robustness")}


def test_knobs_are_found_by_one_rule(scripts: SimpleNamespace, methods: dict[str, Any]) -> None:
    knobs, shared = scripts.robustness.knobs, {"synthesis rate", "transfer rate", "batch"}
    weights = {"one_hot_weight", "balance_weight", "latent"}
    expected = {
        "rdskd": weights | {"diversity_weight"},
        "dafl": weights | {"activation_weight"},
        "mskd": weights | {"activation_weight", "mode_seeking_weight"},
        "zskd": {"concentration"},
        "deepinversion": {"statistics_weight", "variation_weight"},
    }
    own = {label: set(knobs(method)) - shared for label, method in methods.items()}
    assert own == {label: expected[label] for label in methods}
    assert all(shared <= set(knobs(method)) for method in methods.values())


def test_a_turned_knob_turns_its_settings_and_no_other(scripts: SimpleNamespace, methods: dict[str, Any]) -> None:
    method = methods["rdskd"]
    before = parse_method(method)[1].model_dump()
    after = parse_method(scripts.robustness.varied(method, {"batch": 0.1, "balance_weight": 3.0}))[1].model_dump()
    assert before["synthesis"]["batch_size"] == before["transfer"]["batch_size"] == 32
    assert after["synthesis"]["batch_size"] == after["transfer"]["batch_size"] == 4
    assert after["synthesis"]["balance_weight"] == 3.0
    for tree in (before, after):
        del tree["synthesis"]["batch_size"], tree["transfer"]["batch_size"], tree["synthesis"]["balance_weight"]
    assert after == before


def test_draws_share_what_methods_share(scripts: SimpleNamespace, methods: dict[str, Any]) -> None:
    joint = scripts.robustness.joint
    ours, theirs = joint(methods["rdskd"], 30), joint(methods["deepinversion"], 30)
    for one, other in zip(ours, theirs, strict=True):
        shared = one.factors.keys() & other.factors.keys()
        assert shared == {"synthesis rate", "transfer rate", "batch"}
        assert all(one.factors[knob] == other.factors[knob] for knob in shared)
    drawn = [factor for variant in ours for factor in variant.factors.values()]
    assert 0.1 <= min(drawn) < 0.2
    assert 5 < max(drawn) <= 10
    assert len(set(drawn)) == len(drawn)
    assert joint(methods["rdskd"], 20) == ours[:20]


def test_a_spread_is_what_it_says(scripts: SimpleNamespace) -> None:
    found = scripts.robustness.spread([0.95, 0.94, 0.5, 0.93], best=0.95)
    assert (found.count, found.worst, found.near) == (4, 0.5, 0.5)
    assert found.mean == pytest.approx(0.83)
    assert found.sd == pytest.approx(math.sqrt((0.12**2 + 0.11**2 + 0.33**2 + 0.10**2) / 3))
    for (low, high), value in zip(found.intervals, (found.mean, found.sd, found.near), strict=True):
        assert low < value < high


def test_the_claim_is_confirmed_refuted_or_not_shown(scripts: SimpleNamespace) -> None:
    contrast, verdict = scripts.robustness.contrast, scripts.robustness.verdict
    steady = {f"draw {n:02d}": 0.95 + 0.001 * (n % 5) for n in range(30)}
    wild = {f"draw {n:02d}": 0.95 - 0.02 * (n % 7) for n in range(30)}
    first = contrast("wild", steady, wild, rivals=2)
    assert (first.rival, first.draws) == ("wild", 30)
    assert first.sd[1] > 0
    assert first.mean[0] == pytest.approx(sum(steady.values()) / 30 - sum(wild.values()) / 30)
    back, same = contrast("steady", wild, steady, rivals=2), contrast("same", steady, dict(steady), rivals=2)
    assert back.sd[0] == pytest.approx(-first.sd[0])
    assert verdict([first.sd, first.sd]) == "confirmed"
    assert verdict([first.sd, back.sd]) == "refuted"
    assert verdict([first.sd, same.sd]) == "not shown"
    wider = contrast("wild", steady, wild, rivals=8)
    assert wider.sd[1] < first.sd[1] < first.sd[2] < wider.sd[2], "more rivals, wider intervals"


def record(label: str, outcome: str, accuracy: float | None, seed: int = 0) -> Record:
    identity = Identity(
        sweep="s", kind="control", label=label, replicate=seed, seed=seed, vary=["draws"], fingerprint=label,
        method="rdskd", teacher="t",
    )  # fmt: skip
    quality = Quality() if accuracy is None else Quality(test_accuracy=accuracy, majority_accuracy=0.1)
    return Record(identity=identity, outcome=outcome, quality=quality, environment=Environment(device="cpu"))


def test_a_failed_setting_counts_as_the_majority_class_and_a_missing_one_not_at_all(scripts: SimpleNamespace) -> None:
    variants = [scripts.robustness.Variant(f"draw {n:02d}", {"batch": 1.0}) for n in range(4)]
    spec = SimpleNamespace(name="s", replicates=SimpleNamespace(seeds=(0, 1)))
    found = [
        *(record("draw 00", "completed", 0.8 + 0.1 * seed, seed) for seed in (0, 1)),
        record("draw 01", "completed", 0.9),
        record("draw 01", "diverged", None, 1),
        record("draw 02", "completed", 0.9),
        record("draw 03", "failed", None),
        record("draw 03", "completed", 0.9, 1),
    ]
    study = scripts.image_tables.Study.of("rdskd", spec, found, [], variants)
    assert study.values(variants) == {"draw 00": pytest.approx(0.85), "draw 01": pytest.approx(0.5)}
    assert study.failed == 1
    assert not study.complete
    assert scripts.image_tables.contrasts([study, study], "rdskd") == []


def test_a_curve_is_read_between_its_points(scripts: SimpleNamespace) -> None:
    curve = scripts.curves.Curve((10.0, 20.0, 40.0), (0.5, 0.7, 0.9))
    assert [curve.at(s) for s in (10, 15, 30, 40, 99)] == pytest.approx([0.5, 0.6, 0.8, 0.9, 0.9])
    assert math.isnan(curve.at(9.9))


@pytest.mark.parametrize("name", ["rdskd", "dafl"])
def test_judging_on_the_way_changes_nothing_and_goes_on_where_it_stopped(
    scripts: SimpleNamespace, name: str, tmp_path: Path
) -> None:
    asked: list[float] = []

    def judge(run: Any, objectives: list[str]) -> dict[str, float]:
        asked.append(run.progress)
        return {"validation_accuracy": run.progress}

    experiment, shares = SimpleNamespace(judge=judge), (0.4, 0.8, 1.0)
    plain = distillation(name)
    plain.advance()
    whole = scripts.curves.JudgedRun(distillation(name), experiment, shares)
    whole.advance()
    kept = scripts.curves.JudgedRun(distillation(name), experiment, shares)
    kept.advance(until=kept.judged_fractions_to_progress(0.5))
    kept.save(tmp_path / "state")
    again = scripts.curves.JudgedRun(distillation(name), experiment, shares)
    again.load(tmp_path / "state")
    again.advance()
    for run in (whole, again):
        for weights, other in zip(plain.student.parameters(), run.student.parameters(), strict=True):
            assert torch.equal(weights, other)
        seen = run.curves[scripts.curves.STAGE]
        assert seen["accuracy"] == pytest.approx([run.judged_fractions_to_progress(share) for share in shares])
        assert len(seen["step"]) == len(seen["seconds"]) == 3
    assert len(asked) == 6, "a point that was reached before the stop is not judged again"


@pytest.fixture
def small(scripts: SimpleNamespace, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> SimpleNamespace:
    """The parts as specs of a few steps on digits, with two draws and one turned knob."""
    folder = tmp_path / "specs"
    folder.mkdir()
    for name in (name for names in scripts.image_methods.FILES.values() for name in names):
        (folder / f"{name}.yaml").write_text(TINY)
    monkeypatch.setattr(scripts.image_methods, "DRAWS", {"robustness": 2, "draws": 2})
    singles = scripts.image_methods.one_at_a_time
    monkeypatch.setattr(scripts.image_methods, "one_at_a_time", lambda method: singles(method)[:1])
    place = scripts.comparison.Place(tmp_path / "home", tmp_path / "records.parquet", tmp_path / "page.md")
    place.home.mkdir()
    return SimpleNamespace(folder=folder, place=place, curves=tmp_path / "curves.json")


def test_a_page_of_nothing_says_so(scripts: SimpleNamespace, small: SimpleNamespace) -> None:
    scripts.image_methods.report(small.place, small.folder, small.curves)
    page = small.place.page.read_text()
    assert "MNIST has not been run whole yet" in page
    assert "Not run: no GPU." in page
    assert "8 settings have not been run yet" in page
    assert "![" not in page
    assert not small.place.records.exists()


@pytest.mark.slow
def test_it_runs_goes_on_from_what_is_packed_and_writes_its_page(
    scripts: SimpleNamespace, small: SimpleNamespace, tmp_path: Path
) -> None:
    benchmark = scripts.image_methods
    assert benchmark.run(["mnist", "robustness"], small.place, workers=1, hours=None, folder=small.folder)
    benchmark.report(small.place, small.folder, small.curves)
    page = small.place.page.read_text()
    for row in ("| rdskd | 1 of 1 |", "| dafl | 1 of 1 |", "| noise | 1 of 1 |", "| dafl | 2 |"):
        assert row in page
    assert "The claim of robustness has not been tested" not in page
    assert "tested on digits: **" in page
    assert page.count("| rdskd | batch |") == 1
    picture = tmp_path / "page-spread.svg"
    assert f"]({picture.name})" in page
    assert "rdskd" in picture.read_text()
    packs = archive.read(small.place.records)
    assert len(packs) == 3
    for secret in (str(ROOT), str(tmp_path)):
        assert secret not in page + picture.read_text() + small.curves.read_text()

    clone = scripts.comparison.Place(
        tmp_path / "clone" / "home", tmp_path / "clone" / "r.parquet", tmp_path / "clone" / "page.md"
    )
    clone.home.mkdir(parents=True)
    shutil.copy(small.place.records, clone.records)
    benchmark.report(clone, small.folder, small.curves)
    assert clone.page.read_text() == page


def test_the_released_schedules_need_a_gpu(
    scripts: SimpleNamespace, small: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(SystemExit, match="needs a CUDA device"):
        scripts.image_methods.run(["published"], small.place, workers=1, hours=None, folder=small.folder)
    assert "published" not in scripts.image_methods.USUAL


def test_equal_seconds_are_read_from_the_curves_of_the_same_runs(scripts: SimpleNamespace) -> None:
    curve = scripts.curves.Curve
    rows = {"fast": curve((2.0, 4.0), (0.6, 0.8)), "slow": curve((10.0, 40.0), (0.5, 0.9))}
    found = [record(name, "completed", 0.9).model_copy() for name in rows]
    spec = SimpleNamespace(name="s", method=SimpleNamespace(name="fast"))
    result = SimpleNamespace(spec=spec, labels=["fast", "slow"])
    along = {scripts.curves.run_of(item): rows[item.identity.label] for item in found}
    table = scripts.image_tables.equal_time(result, found, along)
    assert table[0].count("after") == len(scripts.image_tables.TIMES)
    assert table[2] == "| fast | 1 | 4 | not begun | 0.600 | 0.800 (ended) | 0.800 (ended) |"
    assert table[3] == "| slow | 1 | 40 | not begun | not begun | not begun | not begun |"
