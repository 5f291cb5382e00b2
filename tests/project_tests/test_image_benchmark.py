"""The benchmark of image methods: its hyper-parameters, its curves, and that it runs, resumes and reports."""

import math
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from acgkd.methods import parse_method
from sweeps.interchange import packed_records
from tests.image_scripts import IMAGES, TINY, imported, record
from tests.tiny_images import distillation

pytestmark = pytest.mark.usefixtures("data_at_hand")

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def scripts() -> SimpleNamespace:
    return imported(*IMAGES)


@pytest.fixture(scope="module")
def methods(scripts: SimpleNamespace) -> dict[str, Any]:
    """The methods of the study of robustness, at their defaults."""
    return {item.label: item.spec.method for item in scripts.image_methods.perturbed("robustness")}


def test_hyper_parameters_are_found_by_one_rule(scripts: SimpleNamespace, methods: dict[str, Any]) -> None:
    names, shared = scripts.robustness.hyper_parameters, {"synthesis rate", "transfer rate", "batch"}
    weights = {"one_hot_weight", "balance_weight", "latent"}
    expected = {
        "rdskd": weights | {"diversity_weight"},
        "dafl": weights | {"activation_weight"},
        "mskd": weights | {"activation_weight", "mode_seeking_weight"},
        "zskd": {"concentration", "square_weight"},
        "deepinversion": {"statistics_weight", "variation_weight"},
    }
    own = {label: set(names(method)) - shared for label, method in methods.items()}
    assert own == {label: expected[label] for label in methods}
    assert all(shared <= set(names(method)) for method in methods.values())


def test_a_perturbed_hyper_parameter_changes_its_settings_alone(
    scripts: SimpleNamespace, methods: dict[str, Any]
) -> None:
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
        assert all(one.factors[name] == other.factors[name] for name in shared)
    drawn = [factor for variant in ours for factor in variant.factors.values()]
    assert 0.1 <= min(drawn) < 0.2
    assert 5 < max(drawn) <= 10
    assert len(set(drawn)) == len(drawn)
    assert joint(methods["rdskd"], 20) == ours[:20]


def test_a_curve_is_read_between_its_points(scripts: SimpleNamespace) -> None:
    curve = scripts.curves.Curve((10.0, 20.0, 40.0), (0.5, 0.7, 0.9))
    assert [curve.at(s) for s in (10, 15, 30, 40, 99)] == pytest.approx([0.5, 0.6, 0.8, 0.9, 0.9])
    assert math.isnan(curve.at(9.9))


@pytest.mark.parametrize("name", ["rdskd", "dafl"])
def test_judging_on_the_way_changes_nothing_and_resumes_where_it_stopped(
    scripts: SimpleNamespace, name: str, tmp_path: Path
) -> None:
    asked: list[float] = []

    def evaluate(run: Any, objectives: list[str]) -> dict[str, float]:
        asked.append(run.progress)
        return {"validation_accuracy": run.progress}

    experiment, shares = SimpleNamespace(evaluate=evaluate), (0.4, 0.8, 1.0)
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
    """The parts as specs of a few steps on digits, with two draws and one perturbed hyper-parameter."""
    folder = tmp_path / "specs"
    folder.mkdir()
    for name in scripts.image_methods.FILES.values():
        (folder / f"{name}.yaml").write_text(TINY)
    (folder / "pilot-digits.yaml").write_text(TINY.replace("seeds: [0]", "seeds: [100]"))
    monkeypatch.setattr(scripts.image_methods, "DRAWS", {"robustness": 2, "draws": 2})
    singles = scripts.image_methods.one_at_a_time
    monkeypatch.setattr(scripts.image_methods, "one_at_a_time", lambda method: singles(method)[:1])
    place = scripts.comparison.Place(tmp_path / "home", tmp_path / "records.parquet", tmp_path / "page.md")
    place.home.mkdir()
    return SimpleNamespace(folder=folder, place=place, curves=tmp_path / "curves.json")


def test_a_page_of_nothing_says_so(scripts: SimpleNamespace, small: SimpleNamespace) -> None:
    scripts.image_methods.report(small.place, small.folder, small.curves)
    page = small.place.page.read_text()
    assert "not decided; 0 of 5 runs completed" not in page, "the specs here have one seed"
    assert page.count("not decided; 0 of ") == 2
    assert "Not run: no GPU." in page
    assert "not decided: 8 settings have not been run yet" in page
    assert "synthesis rate 0.001; latent 10;" in page, "default settings stand on the page, from the spec"
    assert "![" not in page
    assert "the pilot" not in page
    assert not small.place.records.exists()


@pytest.mark.slow
def test_it_runs_resumes_from_what_is_packed_and_writes_its_page(
    scripts: SimpleNamespace, small: SimpleNamespace, tmp_path: Path
) -> None:
    benchmark = scripts.image_methods
    assert benchmark.run(["mnist", "robustness"], small.place, workers=1, hours=None, folder=small.folder)
    benchmark.report(small.place, small.folder, small.curves)
    page = small.place.page.read_text()
    for row in ("| rdskd | 1 of 1 |", "| dafl | 1 of 1 |", "| noise | 1 of 1 |", "| dafl | 2 |", "| mnist | 3 |"):
        assert row in page
    assert "tested on digits: **" in page
    assert "minus its (97.5 %)" in page
    assert "not decided" not in page
    assert page.count("| rdskd | batch |") == 1
    picture = tmp_path / "page-spread.svg"
    assert f"]({picture.name})" in page
    assert "rdskd" in picture.read_text()
    packs = packed_records.read(small.place.records)
    assert len(packs) == 4
    for secret in (str(ROOT), str(tmp_path)):
        assert secret not in page + picture.read_text() + small.curves.read_text()

    clone = scripts.comparison.Place(
        tmp_path / "clone" / "home", tmp_path / "clone" / "r.parquet", tmp_path / "clone" / "page.md"
    )
    clone.home.mkdir(parents=True)
    shutil.copy(small.place.records, clone.records)
    benchmark.report(clone, small.folder, small.curves)
    assert clone.page.read_text() == page


@pytest.mark.slow
@pytest.mark.ray
def test_workers_keep_curves_too(scripts: SimpleNamespace, small: SimpleNamespace) -> None:
    benchmark = scripts.image_methods
    assert benchmark.run(["mnist"], small.place, workers=2, hours=None, folder=small.folder)
    curves = benchmark.keep_curves(small.place, small.folder, small.curves)
    assert len(curves) == 3
    for curve in curves.values():
        assert list(curve.seconds) == sorted(curve.seconds)
        assert len(curve.seconds) == len(curve.accuracy) == 4, "four steps, each judged"


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
    found = [record(name, "completed", 0.9, trials_alongside=2) for name in rows]
    spec = SimpleNamespace(name="s", method=SimpleNamespace(name="fast"))
    result = SimpleNamespace(spec=spec, labels=["fast", "slow"])
    along = {scripts.curves.run_of(item): rows[item.identity.label] for item in found}
    shared, _, *table = scripts.image_tables.equal_time(result, found, along)
    assert "Up to 2 runs at a time shared the machine" in shared
    assert table[0].count("after") == len(scripts.image_tables.TIMES)
    assert table[2] == "| fast | 1 | 4 | not begun | 0.600 | 0.800 (ended) | 0.800 (ended) |"
    assert table[3] == "| slow | 1 | 40 | not begun | not begun | not begun | not begun |"


def test_the_teacher_of_the_study_stands_beside_those_of_its_pilot(scripts: SimpleNamespace) -> None:
    comparison, pilot = scripts.comparison, scripts.image_pilot
    specs = [comparison.read_spec(comparison.SPECS / "digits-robustness.yaml"), *pilot.specs(("pilot-digits",))]
    scores = ([0.7, 0.8, 0.9], [0.4, 0.5, 0.6])
    results = []
    for spec, values in zip(specs, scores, strict=True):
        found = [
            item.model_copy(
                update={
                    "identity": item.identity.model_copy(update={"sweep": spec.name}),
                    "quality": item.quality.model_copy(update={"validation_accuracy": value}),
                }
            )
            for seed, value in enumerate(values)
            for item in [record("rdskd", "completed", 0.5, seed)]
        ]
        results.append(scripts.tables.Results.of(spec, comparison.frame_of(found)))
    _, _, *rows, end = scripts.image_tables.elsewhere_table(*results, {"rdskd": "rdskd", "dafl": "dafl, rate 0.002"})
    assert rows == ["| rdskd | 0.800 ± 0.100 | 0.500 ± 0.100 |", "| dafl | – | – |"]
    assert not end


def test_packed_records_that_are_as_they_were_are_not_written_again(scripts: SimpleNamespace, tmp_path: Path) -> None:
    comparison, pilot = scripts.comparison, scripts.image_pilot
    place = comparison.Place(tmp_path, tmp_path / "records.parquet", tmp_path / "page.md").beside(pilot.NAME)
    shutil.copy(comparison.Place.of(pilot.NAME).records, place.records)
    before = place.records.stat().st_mtime_ns
    assert comparison.records(pilot.specs(("pilot-digits",)), place)
    assert place.records.stat().st_mtime_ns == before


@pytest.mark.parametrize("name", ["mnist", "digits-robustness", "mnist-draws", "cifar10-small"])
def test_students_of_a_table_are_taught_alike(scripts: SimpleNamespace, name: str) -> None:
    spec = scripts.comparison.read_spec(scripts.comparison.SPECS / f"{name}.yaml")
    taught = [parse_method(choice)[1].model_dump()["transfer"] for choice in scripts.image_pilot.methods(spec).values()]
    assert len({(each["steps"], each["batch_size"], each["rate"], each["decay"]) for each in taught}) == 1
    assert len(taught) > 1


@pytest.mark.parametrize(("pilot", "table"), [("pilot-mnist", "mnist"), ("pilot-digits", "digits-robustness")])
def test_tables_have_the_settings_that_validation_splits_chose(
    scripts: SimpleNamespace, tmp_path: Path, pilot: str, table: str
) -> None:
    module, comparison = scripts.image_pilot, scripts.comparison
    (spec,) = module.specs((pilot,))
    packed = shutil.copy(comparison.Place.of(module.NAME).records, tmp_path)
    found = comparison.records([spec], comparison.Place(tmp_path, Path(packed), tmp_path / "page.md"))
    chosen = module.chosen(scripts.tables.Results.of(spec, comparison.frame_of(found)))
    assert set(chosen) == {"rdskd", "dafl", "zskd", "deepinversion"}
    tried = module.methods(spec)
    stands = module.methods(comparison.read_spec(comparison.SPECS / f"{table}.yaml"))
    for method, label in chosen.items():
        assert parse_method(stands[method])[1] == parse_method(tried[label])[1]
    rows = [choice.name for choice in tried.values()]
    assert all(rows.count(method) == rows.count("rdskd") for method in chosen)
    rates = {name: stands[name].synthesis["rate"] for name in ("dafl", "mskd")}
    assert rates["mskd"] == rates["dafl"]


def test_a_pilot_keeps_off_the_seeds_of_tables_and_chooses_nothing_early(
    scripts: SimpleNamespace, tmp_path: Path
) -> None:
    module = scripts.image_pilot
    (tmp_path / "pilot-mnist.yaml").write_text(TINY)
    with pytest.raises(SystemExit, match="kept for results"):
        module.specs(("pilot-mnist",), tmp_path)
    (spec,) = module.specs(("pilot-mnist",))
    frame = scripts.comparison.frame_of([record("rdskd", "completed", 0.9)])
    assert not module.chosen(scripts.tables.Results.of(spec, frame))
