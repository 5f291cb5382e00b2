"""One run config with one seed: what is made once, what is shared, what is reported and what is not."""

import json
import math
import subprocess
import sys
import time
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch

from acgkd import checkpoint
from acgkd.config import RunConfig
from acgkd.datasets import DATASETS
from acgkd.errors import ConfigError, DataError
from acgkd.run import reference_pool
from acgkd.run.experiment import Experiment, Measurement
from acgkd.run.run_data import RunData
from analysis.records.parts.environment import Environment
from analysis.records.parts.quality import Quality
from analysis.records.parts.run_cost import Cost

OBJECTIVES = (
    "validation_accuracy",
    "validation_divergence",
    "agreement",
    "multiply_adds",
    "seconds",
    "student_multiply_adds",
)
KINDS = DATASETS["motifs"].known.feature_count
POOL = (("acgkd", {"graphs": 8, "steps": 2}),)


@pytest.fixture(autouse=True)
def short_pool(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(reference_pool.PRESETS, "graphs", POOL)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder for all tests that do not look at how it fills."""
    return tmp_path_factory.mktemp("home")


def config(tiny: ModuleType, method: str = "acgkd", **changes: Any) -> RunConfig:
    synthesis = {} if method == "real_data" else {"graphs": 8}
    if method == "acgkd":
        synthesis = tiny.SYNTHESIS
    return RunConfig.model_validate(
        {
            "dataset": {"name": "motifs", "options": {"graphs": 40}},
            "teacher": {"preset": "gin-2-8", "epochs": 2},
            "student": "gin-2-4",
            "method": {"name": method, "synthesis": synthesis, "transfer": tiny.TRANSFER},
            "device": "cpu",
            **changes,
        }
    )


def prepared(tiny: ModuleType, home: Path, seed: int = 0, **options: Any) -> Experiment:
    shared = options.pop("share_synthesis", False)
    experiment = Experiment(config(tiny, **options), seed, home=home, share_synthesis=shared)
    experiment.prepare()
    return experiment


def done(experiment: Experiment) -> Any:
    run = experiment.start()
    run.advance()
    return run


def check_record(measured: Measurement) -> None:
    """Every key is a field of the record, every value what the field takes."""
    Quality(**measured.quality)
    Cost(**measured.cost)
    Environment(**measured.environment)
    json.dumps([measured.quality, measured.cost, measured.prior, measured.environment], allow_nan=False)


# ---- preparing


def test_making_an_experiment_loads_nothing_and_preparing_makes_files_once(tiny: ModuleType, tmp_path: Path) -> None:
    experiment = Experiment(config(tiny), 0, home=tmp_path)
    assert not experiment.prepared
    assert list(tmp_path.iterdir()) == []
    experiment.prepare()
    assert experiment.prepared
    files = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.pt")}
    assert {path.parent.name for path in files} == {"teachers", "pools"}
    again = Experiment(config(tiny), 0, home=tmp_path)
    assert again.prepared
    again.prepare()
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.pt")} == files


CHILD = """
import os, sys, time
from pathlib import Path
sys.path.insert(0, {folder!r})
import tiny
from acgkd.run import experiment, preparation, reference_pool
from acgkd.config import RunConfig
reference_pool.PRESETS["graphs"] = {pool!r}
home = Path({home!r})

def logged(name):
    make = getattr(preparation, name)
    def wrapped(*arguments, **options):
        with open(home / "log", "a") as file:
            file.write(name + "\\n")
        time.sleep(0.2)
        return make(*arguments, **options)
    setattr(preparation, name, wrapped)

logged("train_teacher")
logged("reference_pool")
one = experiment.Experiment(RunConfig.model_validate_json({run!r}), 0, home=home)
(home / f"ready-{{os.getpid()}}").touch()
while not (home / "go").exists():
    time.sleep(0.002)
one.prepare()
run = one.start()
print(tiny.weight_bytes(one.teacher).hex()[:40], one.preparation_key())
"""


@pytest.mark.cluster  # processes of its own
@pytest.mark.timeout(600)
def test_two_processes_that_start_together_prepare_once(tiny: ModuleType, tmp_path: Path) -> None:
    code = CHILD.format(
        folder=str(Path(__file__).parents[1]), pool=POOL, home=str(tmp_path), run=config(tiny).model_dump_json()
    )
    children = [
        subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    try:
        deadline = time.monotonic() + 200
        while len(list(tmp_path.glob("ready-*"))) < 2:
            assert time.monotonic() < deadline, "the children did not come up"
            assert all(child.poll() is None for child in children), "a child died"
            time.sleep(0.01)
        (tmp_path / "go").touch()
        printed = [child.communicate(timeout=200) for child in children]
    finally:
        for child in children:
            child.kill()
            child.wait()
    assert [child.returncode for child in children] == [0, 0], printed
    assert printed[0][0] == printed[1][0] != ""
    assert (tmp_path / "log").read_text().split() == ["train_teacher", "reference_pool"]
    assert not list(tmp_path.rglob("*.part"))


def test_a_teacher_is_judged_once_for_all_runs_that_share_it(
    tiny: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    whole = RunData.batches

    def counted(self: RunData, part: str) -> Any:
        asked.append(part)
        return whole(self, part)

    monkeypatch.setattr(RunData, "batches", counted)
    rows = []
    for student in ("gin-2-4", "gin-3-8"):
        run = Experiment(config(tiny, "random_graphs", student=student), 0, home=tmp_path)
        run.prepare()
        rows.append(run.teacher_measurement().quality)
    assert rows[0] == rows[1]
    assert rows[0]["train_size"] == 24
    assert asked.count("train") == 1
    # Another split is another matter, though it may share the teacher's file.
    other = Experiment(config(tiny, "random_graphs"), 1, home=tmp_path)
    other.prepare()
    other.teacher_measurement()
    assert asked.count("train") == 2


def test_what_shares_a_preparation_and_what_does_not(tiny: ModuleType, tmp_path: Path) -> None:
    def key(seed: int = 0, **changes: Any) -> str:
        return Experiment(config(tiny, **changes), seed, home=tmp_path).preparation_key()

    dataset = {"name": "motifs", "options": {"graphs": 40}}
    base = key()
    # Neither the student nor the method, nor where things are, has a part in it.
    assert base == key(student="gin-3-8") == key(method="random_graphs")
    assert base == key(dataset={**dataset, "root": "/elsewhere", "mirror": "https://example.org"})
    others = [
        key(1),
        key(teacher={"preset": "gin-2-8", "epochs": 3}),
        key(dataset={**dataset, "options": {"graphs": 42}}),
        key(prior={"mean_degree": "unknown"}),
    ]
    assert len({base, *others}) == 5
    # The pool is known by its teacher and its prior: another prior leaves the teacher as it is.
    assert key(prior={"mean_degree": "unknown"}).split("-")[0] == base.split("-")[0]


def test_a_split_file_counts_by_what_it_says(tiny: ModuleType, tmp_path: Path) -> None:
    split, copy = tmp_path / "split.json", tmp_path / "copy.json"
    split.write_text(json.dumps({"train": list(range(20)), "validation": [20, 21], "test": [22, 23]}))
    copy.write_text(split.read_text())

    def key(path: Path) -> str:
        dataset = {"name": "motifs", "options": {"graphs": 40}, "split_file": str(path)}
        return Experiment(config(tiny, dataset=dataset), 0, home=tmp_path).preparation_key()

    before = key(split)
    assert key(copy) == before
    split.write_text(json.dumps({"train": list(range(18)), "validation": [20, 21], "test": [22, 23]}))
    assert key(split) != before
    with pytest.raises(ConfigError, match=r"missing\.json cannot be read"):
        key(tmp_path / "missing.json")


def test_the_seed_varies_what_the_config_says(tiny: ModuleType, home: Path) -> None:
    def parts(seed: int, vary: list[str]) -> tuple[Any, ...]:
        experiment = prepared(tiny, home, seed, vary=vary)
        run = experiment.start()
        return (
            tuple(experiment.split.train.tolist()),
            tiny.weight_bytes(experiment.teacher),
            tiny.weight_bytes(run.student),
        )

    base = parts(0, ["split", "teacher", "draws"])
    for vary, changed in (
        (["split"], (True, True, False)),
        (["teacher"], (False, True, False)),
        (["draws"], (False, False, True)),
    ):
        other = parts(1, vary)
        assert tuple(one != two for one, two in zip(base, other, strict=True)) == changed
        assert parts(0, vary) == base


def test_without_data_set_and_checkpoint_there_is_no_teacher(tiny: ModuleType, tmp_path: Path) -> None:
    prior = tiny.PRIOR_CONFIG.model_dump()
    experiment = Experiment(config(tiny, dataset=None, prior=prior), 0, home=tmp_path)
    with pytest.raises(ConfigError, match="either a `checkpoint` or a `dataset`"):
        experiment.prepare()
    assert not experiment.prepared


def test_code_of_the_users_is_run_only_where_it_is_trusted(tiny: ModuleType, tmp_path: Path) -> None:
    experiment = Experiment(config(tiny, teacher="os.path:join"), 0, home=tmp_path)
    with pytest.raises(ConfigError, match="--trust-code"):
        experiment.prepare()


# ---- what methods are handed


def test_only_the_control_is_handed_data_and_only_the_training_split(tiny: ModuleType, home: Path) -> None:
    control = prepared(tiny, home, method="real_data")
    run = control.start()
    assert control.run_data.data is not None
    expected = control.run_data.data.take(control.split.train)
    assert len(run.context.real) == len(expected) == 24
    for handed, own in zip(run.context.real, expected, strict=True):
        assert torch.equal(handed.x, own.x)
        assert torch.equal(handed.edge_index, own.edge_index)
    whole = run.method_run.samples(1000)
    assert whole.graphs == 24
    assert torch.equal(whole.labels, control.run_data.data.labels[control.split.train])
    for method in ("acgkd", "random_graphs"):
        assert prepared(tiny, home, method=method).start().context.real == ()


def test_the_training_split_is_disjoint_from_what_judges(tiny: ModuleType, home: Path) -> None:
    split = prepared(tiny, home).split
    parts = [set(part.tolist()) for part in (split.train, split.validation, split.test)]
    assert sum(map(len, parts)) == len(set.union(*parts)) == 40


def test_starts_are_alike(tiny: ModuleType, home: Path) -> None:
    one, other = done(prepared(tiny, home)), done(prepared(tiny, home))
    assert tiny.weight_bytes(one.student) == tiny.weight_bytes(other.student)
    changed = done(prepared(tiny, home, 1))
    assert tiny.weight_bytes(one.student) != tiny.weight_bytes(changed.student)


def test_pseudo_samples_are_shared_where_they_fit(
    tiny: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = prepared(tiny, tmp_path, share_synthesis=True)
    alone = done(first)
    assert not alone.synthesis_cached
    assert len(list((tmp_path / "synthesis").glob("*.pt"))) == 1
    taken = prepared(tiny, tmp_path, share_synthesis=True).start()
    assert (taken.progress, taken.synthesis_cached) == (0.5, True)
    taken.advance()
    assert tiny.weight_bytes(taken.student) == tiny.weight_bytes(alone.student)
    # Another student and another transfer take them too; another synthesis, seed or kind of device does not.
    transfer = {"name": "acgkd", "synthesis": tiny.SYNTHESIS, "transfer": {"steps": 2, "projection": "gat"}}
    assert prepared(tiny, tmp_path, share_synthesis=True, student="gin-3-8").start().synthesis_cached
    method = RunConfig.model_validate({**config(tiny).model_dump(), "method": transfer})
    assert Experiment(method, 0, home=tmp_path, share_synthesis=True).start().synthesis_cached
    assert not prepared(tiny, tmp_path, 1, share_synthesis=True).start().synthesis_cached
    assert not prepared(tiny, tmp_path).start().synthesis_cached
    elsewhere = prepared(tiny, tmp_path, share_synthesis=True)
    monkeypatch.setitem(elsewhere.run_data.__dict__, "device", torch.device("meta"))
    assert elsewhere._synthesis_file != first._synthesis_file


def test_synthesis_that_looks_at_the_student_is_not_shared(tiny: ModuleType, tmp_path: Path) -> None:
    method = {
        "name": "acgkd",
        "synthesis": {**tiny.SYNTHESIS, "adversarial_weight": 0.5},
        "transfer": tiny.TRANSFER,
    }
    run = RunConfig.model_validate({**config(tiny).model_dump(), "method": method})
    experiment = Experiment(run, 0, home=tmp_path, share_synthesis=True)
    experiment.prepare()
    done(experiment)
    assert not (tmp_path / "synthesis").exists()


# ---- judging and measuring


@pytest.mark.parametrize("method", ["acgkd", "random_graphs", "real_data"])
def test_what_is_measured_fits_the_record(tiny: ModuleType, home: Path, method: str) -> None:
    experiment = prepared(tiny, home, method=method)
    run = done(experiment)
    measured = experiment.measure(run)
    check_record(measured)
    quality, cost = measured.quality, measured.cost
    for name in ("test_accuracy", "teacher_test_accuracy", "majority_accuracy", "validation_accuracy", "agreement"):
        value = quality[name]
        assert value is not None
        assert 0 <= value <= 1
    assert (quality["train_size"], quality["validation_size"], quality["test_size"]) == (24, 4, 12)
    assert quality["majority_accuracy"] == 0.5
    for part in ("validation", "test"):
        counted = torch.bincount(experiment.run_data.labels(part), minlength=2)
        assert (quality[f"{part}_classes"], quality[f"{part}_smallest_class"]) == (2, int(counted.min()))
    for name in (
        "student_parameters",
        "teacher_parameters",
        "student_multiply_adds",
        "transfer_s",
        "teacher_s",
        "cpu_s",
    ):
        assert cost[name] > 0
    assert cost["transfer_steps"] == 6
    assert ("synthesis_steps" in cost) == (method == "acgkd")
    assert measured.prior == experiment.prior.facts()


def test_the_teachers_own_row_fits_the_record(tiny: ModuleType, home: Path) -> None:
    measured = prepared(tiny, home).teacher_measurement()
    check_record(measured)
    assert "test_accuracy" not in measured.quality
    assert measured.quality["teacher_train_accuracy"] is not None
    assert measured.cost["teacher_s"] > 0
    assert measured.cost["cpu_s"] > 0


def test_every_objective_is_a_finite_number(tiny: ModuleType, home: Path) -> None:
    experiment = prepared(tiny, home)
    run = done(experiment)
    judged = experiment.evaluate(run, OBJECTIVES)
    assert list(judged) == list(OBJECTIVES)
    assert all(isinstance(value, float) and math.isfinite(value) for value in judged.values())
    measured = experiment.measure(run)
    assert judged["validation_accuracy"] == measured.quality["validation_accuracy"]
    assert judged["validation_divergence"] == measured.quality["validation_divergence"]
    assert judged["agreement"] == measured.quality["agreement"]
    assert judged["multiply_adds"] == measured.cost["multiply_adds"]
    assert judged["student_multiply_adds"] == measured.cost["student_multiply_adds"]
    assert judged["seconds"] == sum(run.seconds.values())
    with pytest.raises(ConfigError, match=r"No objective is called `acuracy`.*validation_accuracy"):
        experiment.evaluate(run, ["acuracy"])


def test_judging_on_the_way_does_not_change_the_run(tiny: ModuleType, home: Path) -> None:
    undisturbed = done(prepared(tiny, home))
    experiment = prepared(tiny, home)
    run = experiment.start()
    for until in (0.1, 0.5, 0.7, 0.9, 1.0):
        run.advance(until=until)
        experiment.evaluate(run, OBJECTIVES)
        experiment.measure(run)
    assert tiny.weight_bytes(run.student) == tiny.weight_bytes(undisturbed.student)
    assert run.method_run.multiply_adds() == undisturbed.method_run.multiply_adds()


def test_a_pool_is_put_to_the_teacher_once_and_to_the_student_once_each_time(tiny: ModuleType, home: Path) -> None:
    experiment = prepared(tiny, home)
    run, asked = done(experiment), {"teacher": 0, "student": 0}
    pool = {id(batch.x) for batch in experiment.preparation.pool}

    def counted(who: str) -> Any:
        def count(_: Any, given: tuple[Any, ...], found: Any) -> None:
            asked[who] += id(given[0]) in pool

        return count

    experiment.teacher.layers[0].register_forward_hook(counted("teacher"))
    run.student.layers[0].register_forward_hook(counted("student"))
    for times in (1, 2):
        experiment.evaluate(run, ["agreement"])
        assert asked == {"teacher": len(pool), "student": times * len(pool)}
    experiment.measure(run)
    assert asked == {"teacher": len(pool), "student": 3 * len(pool)}


def test_a_perfect_student_agrees_wholly(tiny: ModuleType, home: Path) -> None:
    experiment = prepared(tiny, home, student="gin-2-8")
    run = experiment.start()
    run.student.load_state_dict(experiment.teacher.state_dict())
    measured = experiment.measure(run)
    assert measured.quality["agreement"] == measured.quality["test_agreement"] == 1.0
    assert measured.quality["test_accuracy"] == measured.quality["teacher_test_accuracy"]
    assert measured.quality["validation_divergence"] == pytest.approx(0.0, abs=1e-9)


# ---- teachers from elsewhere


@pytest.fixture
def foreign(tiny: ModuleType, tmp_path: Path) -> str:
    """A checkpoint of a teacher for `motifs`."""
    checkpoint.save(tiny.teacher(3, known=tiny.prior(feature_count=KINDS)).state_dict(), tmp_path / "foreign.pt")
    return str(tmp_path / "foreign.pt")


def accuracies(measured: Measurement) -> list[str]:
    return [name for name, value in measured.quality.items() if "accuracy" in name and value is not None]


def test_without_a_split_file_no_accuracy_of_a_foreign_teacher_is_reported(
    tiny: ModuleType, tmp_path: Path, foreign: str
) -> None:
    experiment = prepared(tiny, tmp_path, teacher={"preset": "gin-2-8", "checkpoint": foreign})
    run = done(experiment)
    measured = experiment.measure(run)
    check_record(measured)
    assert accuracies(measured) == accuracies(experiment.teacher_measurement()) == []
    assert measured.quality["agreement"] is not None
    assert measured.cost["teacher_s"] is None
    with pytest.raises(ConfigError, match="uses real data"):
        experiment.evaluate(run, ["validation_accuracy"])
    control = prepared(tiny, tmp_path, method="real_data", teacher={"preset": "gin-2-8", "checkpoint": foreign})
    with pytest.raises(ConfigError, match="learns from real data"):
        control.start()


def test_with_a_split_file_it_is(tiny: ModuleType, tmp_path: Path, foreign: str) -> None:
    split = tmp_path / "split.json"
    split.write_text(json.dumps({"train": list(range(20)), "validation": [30, 31], "test": list(range(32, 40))}))
    experiment = prepared(
        tiny,
        tmp_path,
        teacher={"preset": "gin-2-8", "checkpoint": foreign},
        dataset={"name": "motifs", "options": {"graphs": 40}, "split_file": str(split)},
    )
    measured = experiment.measure(done(experiment))
    check_record(measured)
    assert "teacher_test_accuracy" in accuracies(measured)
    assert measured.quality["test_size"] == 8
    assert tiny.weight_bytes(experiment.teacher) == tiny.weight_bytes(tiny.teacher(3, known=experiment.prior))


def test_a_foreign_teacher_needs_no_data_set(tiny: ModuleType, tmp_path: Path, foreign: str) -> None:
    prior = tiny.PRIOR_CONFIG.model_copy(update={"feature_count": KINDS}).model_dump()
    experiment = prepared(
        tiny, tmp_path, dataset=None, prior=prior, teacher={"preset": "gin-2-8", "checkpoint": foreign}
    )
    run = done(experiment)
    judged = experiment.evaluate(run, ["agreement", "multiply_adds", "student_multiply_adds"])
    assert 0 <= judged["agreement"] <= 1
    measured = experiment.measure(run)
    check_record(measured)
    assert accuracies(measured) == []


def test_a_missing_checkpoint_is_reported(tiny: ModuleType, tmp_path: Path) -> None:
    teacher = {"preset": "gin-2-8", "checkpoint": str(tmp_path / "nowhere.pt")}
    with pytest.raises(ConfigError, match=r"nowhere\.pt cannot be read"):
        prepared(tiny, tmp_path, teacher=teacher)


def test_a_split_file_that_does_not_fit_is_reported(tiny: ModuleType, tmp_path: Path) -> None:
    split = tmp_path / "split.json"
    split.write_text(json.dumps({"train": [0, 1], "validation": [2], "test": [400]}))
    dataset = {"name": "motifs", "options": {"graphs": 40}, "split_file": str(split)}
    with pytest.raises(DataError, match="400"):
        prepared(tiny, tmp_path, dataset=dataset)
