import json
from pathlib import Path
from types import ModuleType

import pytest

from analysis.records import sweep_metadata


def test_everything_is_read(made_up: ModuleType, tmp_path: Path) -> None:
    folder = made_up.plausible(tmp_path, trials=6)
    found = sweep_metadata.read("source", folder)
    assert found.gaps == ()
    assert found.planned() == 3
    assert [item.name for item in found.objectives] == ["validation_accuracy", "multiply_adds"]
    assert found.objectives[0].uses_real_data is True
    assert (found.objectives[0].sign, found.objectives[1].sign) == (1, -1)
    assert set(found.states) == set(range(6))
    assert set(found.curves(0)) == {0, 1, 2}
    assert set(found.curves(0)[0]) == {"synthesis", "transfer"}
    assert any(item.outcome == "interrupted" for item in found.attempts)


def test_an_empty_folder_has_gaps_not_errors(tmp_path: Path) -> None:
    found = sweep_metadata.read("source", tmp_path)
    assert len(found.gaps) == 3
    assert found.planned() is None
    assert found.curves(0) == {}


@pytest.mark.parametrize("content", ["", "{", "[]", "null", '{"number": "x"}', '{"number": 1, "attempts": [3]}'])
def test_torn_files_are_gaps(tmp_path: Path, content: str) -> None:
    (tmp_path / "trials" / "0001").mkdir(parents=True)
    (tmp_path / "trials" / "0001" / "trial.json").write_text(content)
    (tmp_path / "sweep.json").write_text(content)
    (tmp_path / "spec.yaml").write_bytes(b"\xff\xfe")
    found = sweep_metadata.read("source", tmp_path)
    assert found.objectives == ()
    assert any("spec.yaml" in gap for gap in found.gaps)


@pytest.mark.parametrize(("seeds", "planned"), [([1, 2], 2), (4, 4), (True, None), ("0-9", None), ([], None)])
def test_planned_replicates_come_from_the_spec(tmp_path: Path, seeds: object, planned: int | None) -> None:
    (tmp_path / "sweep.json").write_text(json.dumps({"name": "x", "spec": {"replicates": {"seeds": seeds}}}))
    assert sweep_metadata.read("source", tmp_path).planned() == planned


def test_curves_of_unequal_length_are_left_out(tmp_path: Path) -> None:
    (tmp_path / "curves").mkdir()
    content = {"synthesis": {"step": [0, 1], "loss": [1.0]}, "transfer": {"step": [0], "loss": [1.0]}, "x": 3}
    (tmp_path / "curves" / "trial-0000-00.json").write_text(json.dumps(content))
    assert set(sweep_metadata.read("source", tmp_path).curves(0)[0]) == {"transfer"}


def test_a_direction_that_is_not_given_is_the_known_one(tmp_path: Path) -> None:
    sweep = {"objectives": [{"name": "agreement"}, {"name": "multiply_adds"}, {"no": "name"}]}
    (tmp_path / "sweep.json").write_text(json.dumps(sweep))
    assert [item.direction for item in sweep_metadata.read("source", tmp_path).objectives] == ["maximize", "minimize"]
