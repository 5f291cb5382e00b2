"""What the agreement of a sweep is worth, from its records: the chosen trial's facts beside its lower control's."""

from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from analysis import reports
from analysis.records.frame import load
from analysis.reports._health import warnings
from analysis.statistics.pool_worth import worth_of, worth_to_say
from analysis.statistics.view import view_of

OBJECTIVE = (("agreement", "maximize", False),)
POOL = {"classes": 2, "pool_classes": 2, "pool_smallest_class": 150, "pool_confidence": 0.96}
NO_DATA = {"test_accuracy": None, "validation_accuracy": None, "teacher_test_accuracy": None, "majority_accuracy": None}


def sweep(made_up: ModuleType, folder: Path, noise: float = 0.6, *, data: bool = False, **pool: Any) -> Any:
    """Two trials and a lower control, on three seeds."""
    rows = []
    for replicate in range(3):
        for trial, agreement in ((0, 0.9), (1, 0.96)):
            parts = {"agreement_lowest": agreement - 0.04, "agreement_highest": agreement + 0.02}
            quality = {**({} if data else NO_DATA), **POOL, **parts, **pool, "agreement": agreement}
            said = {"objectives": {"agreement": agreement}, "quality": quality}
            rows.append(made_up.record(label=f"trial {trial}", trial=trial, replicate=replicate, **said))
        other = {**({} if data else NO_DATA), **POOL, "agreement": noise + replicate / 100}
        control = made_up.record(
            kind="control", label="noisy", method="noise_of_ours", replicate=replicate, quality=other
        )
        identity = control.identity.model_copy(update={"lower_control": True})
        rows.append(control.model_copy(update={"identity": identity}))
    return made_up.write_folder(folder, rows, objectives=OBJECTIVE)


def test_facts_are_those_of_the_chosen_trial_and_its_lower_control(made_up: ModuleType, tmp_path: Path) -> None:
    view = view_of(load([sweep(made_up, tmp_path / "sweep")]))
    worth = worth_of(view)
    assert worth is not None
    assert worth.informative
    assert round(worth.control_agreement or 0, 6) == 0.61
    assert round(worth.agreement or 0, 6) == 0.96
    assert (worth.classes, worth.pool_classes, worth.pool_smallest_class) == (2, 2, 150)
    other = worth_of(view, 0)
    assert other is not None
    assert round(other.agreement_lowest or 0, 6) == 0.86
    assert any("a student taught with noise reaches 0.610" in line for line in warnings(view))


@pytest.mark.usefixtures("without_figures")
def test_noise_that_reaches_as_much_is_the_first_that_readers_see(made_up: ModuleType, tmp_path: Path) -> None:
    folder = sweep(made_up, tmp_path / "sweep", noise=0.97)
    view = view_of(load([folder]))
    assert warnings(view)[0].startswith("Agreement is not informative here: a student taught with noise reaches 0.980")
    assert reports.pareto_table(folder).attrs["agreement"] == warnings(view)[0]
    page = reports.write([folder], tmp_path / "report").read_text(encoding="utf-8")
    assert "Agreement is not informative here" in page


def test_where_data_judge_and_agreement_chose_it_is_said_too(made_up: ModuleType, tmp_path: Path) -> None:
    view = view_of(load([sweep(made_up, tmp_path / "sweep", data=True, pool_confidence=0.55)]))
    assert "the teacher hardly decides on the pool" in warnings(view)[0]


def test_what_has_no_agreement_is_not_spoken_of(made_up: ModuleType, tmp_path: Path) -> None:
    rows = [made_up.record(replicate=replicate, objectives={"validation_accuracy": 0.84}) for replicate in range(3)]
    view = view_of(load([made_up.write_folder(tmp_path / "sweep", rows)]))
    assert worth_of(view) is None
    assert worth_to_say(view) is None
    assert not any("greement" in line for line in warnings(view))
