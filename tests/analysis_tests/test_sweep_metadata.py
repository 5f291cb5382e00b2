import json
from pathlib import Path
from types import ModuleType

import pytest

from analysis.records import sweep_metadata
from analysis.records.distribution import Distribution, merged
from analysis.records.record_source import Source
from analysis.records.sweep_file import SweepFile
from analysis.records.sweep_metadata import SweepMetadata


def read(folder: Path) -> SweepMetadata:
    return sweep_metadata.read(Source("source", folder))


def test_everything_is_read(made_up: ModuleType, tmp_path: Path) -> None:
    found = read(made_up.plausible(tmp_path, trials=6))
    assert found.gaps == ()
    assert found.sweep.replicates == 3
    objectives = found.sweep.objectives
    assert [item.name for item in objectives] == ["validation_accuracy", "multiply_adds"]
    assert objectives[0].uses_real_data is True
    assert (objectives[0].sign, objectives[1].sign) == (1, -1)
    assert set(found.trials) == set(range(6))
    assert set(found.curves(0)) == {0, 1, 2}
    assert set(found.curves(0)[0]) == {"synthesis", "transfer"}
    assert any(item.outcome == "interrupted" for _, item in found.attempts)


def test_an_empty_folder_has_gaps_not_errors(tmp_path: Path) -> None:
    found = read(tmp_path)
    assert len(found.gaps) == 3
    assert found.sweep.name == tmp_path.name
    assert found.sweep.replicates is None
    assert found.curves(0) == {}


def test_a_spec_that_names_code_is_known() -> None:
    plain = {"teacher": {"preset": "gin-2-8"}, "student": {"preset": "gin-2-8"}, "plugins": []}
    assert not SweepFile(name="plain", spec=plain).runs_code
    assert not SweepFile(name="old").runs_code
    for key, value in (("teacher", {"preset": "mine:build"}), ("student", {"preset": "a.b:c"}), ("plugins", ["x"])):
        assert SweepFile(name="own", spec={**plain, key: value}).runs_code, key


@pytest.mark.parametrize(
    "content", ["", "{", "[]", "null", '{"number": "x"}', '{"number": 1, "attempts": [3]}', "[" * 100_000]
)
def test_damaged_files_are_named(tmp_path: Path, content: str) -> None:
    (tmp_path / "trials" / "0001").mkdir(parents=True)
    (tmp_path / "trials" / "0001" / "trial.json").write_text(content)
    (tmp_path / "sweep.json").write_text(content)
    (tmp_path / "spec.yaml").write_bytes(b"\xff\xfe")
    found = read(tmp_path)
    assert found.sweep.objectives == ()
    assert found.trials == {}
    for name in ("spec.yaml", "sweep.json", "trials/0001/trial.json"):
        assert any(name in gap for gap in found.gaps)


@pytest.mark.parametrize(("seeds", "replicates"), [([1, 2], 2), (True, None), ("0-9", None), ([], None)])
def test_planned_replicates_come_from_the_spec(tmp_path: Path, seeds: object, replicates: int | None) -> None:
    (tmp_path / "sweep.json").write_text(json.dumps({"name": "x", "spec": {"replicates": {"seeds": seeds}}}))
    assert read(tmp_path).sweep.replicates == replicates


def test_curves_of_unequal_length_are_left_out(tmp_path: Path) -> None:
    (tmp_path / "curves").mkdir()
    content = {"synthesis": {"step": [0, 1], "loss": [1.0]}, "transfer": {"step": [0], "loss": [1.0]}, "x": 3}
    (tmp_path / "curves" / "trial-0000-00.json").write_text(json.dumps(content))
    assert set(read(tmp_path).curves(0)[0]) == {"transfer"}


def distribution(kind: str, **attributes: object) -> str:
    return json.dumps({"name": f"{kind}Distribution", "attributes": attributes})


def test_distributions_are_read_without_optuna_as_optuna_writes_them() -> None:
    from optuna.distributions import (
        CategoricalDistribution,
        FloatDistribution,
        IntDistribution,
        distribution_to_json,
    )

    for written, expected in (
        (FloatDistribution(0.1, 10, log=True), Distribution("float", 0.1, 10.0, True)),
        (FloatDistribution(0.1, 0.5, step=0.1), Distribution("float", 0.1, 0.5, False, 0.1)),
        (IntDistribution(2, 8, step=2), Distribution("int", 2.0, 8.0, False, 2.0)),
        (CategoricalDistribution([None, 4, "4", True]), Distribution("categorical", choices=(None, 4, "4", True))),
    ):
        assert Distribution.read(distribution_to_json(written)) == expected
    for text in ("", "[]", '{"name": "Other"}', '{"name": "IntDistribution", "attributes": {}}', "null"):
        assert Distribution.read(text) is None


def test_trials_drawn_from_several_ranges_are_held_by_one(tmp_path: Path) -> None:
    texts = [
        {"a": distribution("Float", low=1, high=5, log=True, step=None), "b": distribution("Categorical", choices=[1])},
        {"a": distribution("Float", low=0.5, high=2, log=True, step=None), "c": "nonsense"},
        {"b": distribution("Categorical", choices=[True, 1])},
    ]
    for number, text in enumerate(texts):
        folder = tmp_path / "trials" / f"{number:04d}"
        folder.mkdir(parents=True)
        (folder / "trial.json").write_text(json.dumps({"number": number, "distributions": text}))
    found = read(tmp_path).distributions
    assert found["a"] == Distribution("float", 0.5, 5.0, True)
    assert found["b"].cells == ("1", "true")
    assert set(found) == {"a", "b"}


def test_what_is_a_range_here_and_a_choice_there_is_compared_value_by_value() -> None:
    both = merged([Distribution("int", 1, 4), Distribution("categorical", choices=("auto", 4))])
    assert both == Distribution("categorical", choices=("auto", 4))
