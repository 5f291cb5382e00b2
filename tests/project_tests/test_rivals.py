"""Whom the page on graph methods compares ACGKD with: a rival's best published row, by validation accuracy."""

import math
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from analysis.records.record import Record
from tests.image_scripts import imported, record

pytestmark = pytest.mark.usefixtures("data_at_hand")

SPECS = Path(__file__).resolve().parents[2] / "specs" / "benchmarks"
RELEASED = "gfkd (as released)"


@pytest.fixture(scope="module")
def scripts() -> SimpleNamespace:
    return imported("_rivals", "_targets", "comparison", "graph_methods", "tables")


def run(
    label: str, seed: int, validation: float, test: float, settings: Mapping[str, Any], sweep: str, **steps: int
) -> Record:
    """A completed run of a row."""
    made = record(label, "completed", test, seed, **steps)
    return made.model_copy(
        update={
            "identity": made.identity.model_copy(update={"sweep": sweep}),
            "quality": made.quality.model_copy(update={"validation_accuracy": validation}),
            "settings": {f"method/{name}": value for name, value in settings.items()},
        }
    )


def results(scripts: SimpleNamespace, rows: Mapping[str, Any], data: str = "mutag") -> Any:
    """Results of a shipped spec: each row's steps of synthesis and transfer, and validation and test by seed."""
    spec = scripts.comparison.read_spec(SPECS / f"{data}.yaml")
    found = [
        run(
            label, seed, *pair, {"synthesis/steps": taken[0], "transfer/steps": taken[1]}, spec.name,
            **({"joint_steps": taken[1]} if joint else {"synthesis_steps": taken[0], "transfer_steps": taken[1]}),
        )
        for label, (taken, joint, *pairs) in rows.items()
        for seed, pair in enumerate(pairs)
        if pair is not None
    ]  # fmt: skip
    return scripts.tables.Results.of(spec, scripts.comparison.frame_of(found))


def test_published_rows_differ_in_amounts_alone(scripts: SimpleNamespace) -> None:
    for data, rows in (
        ("mutag", ["gfkd", RELEASED, "dfad_gnn", "deepinv_graphs"]),
        ("reddit_binary", ["gfkd", "gfkd (equal steps)", "deepinv_graphs"]),
    ):
        known = scripts.rivals.choices(results(scripts, {}, data))
        rivals = scripts.graph_methods.RIVALS
        found = [name for name, choice in known.items() if choice.name in rivals and scripts.rivals.published(choice)]
        assert found == rows


def test_the_best_row_is_chosen_on_validation_over_shared_seeds(scripts: SimpleNamespace) -> None:
    rows = {
        "acgkd": ((300, 400), False, (0.8, 0.8), (0.8, 0.9), (0.8, 0.7)),
        # On test it is the better one; and its third seed, which the other lacks, would make it the better one.
        "gfkd": ((160, 1500), False, (0.5, 0.75), (0.5, 0.85), (0.9, 0.7)),
        RELEASED: ((1500, 1500), False, (0.6, 0.5), (0.6, 0.6), None),
    }
    result = results(scripts, rows)
    (best,) = scripts.rivals.best(result, "acgkd", ["gfkd"])
    assert (best.label, best.reduced, best.accuracy) == (RELEASED, False, pytest.approx(0.6))
    assert best.gap.difference.mean == pytest.approx(0.3)
    notes = scripts.rivals.notes(result, "acgkd", ["gfkd"])
    assert (notes["gfkd"], notes[RELEASED], notes["acgkd"]) == ("*reduced*", "**best**", "")
    assert notes["gfkd (transfer of acgkd)"] == "not published"
    cells = scripts.rivals.gap_cells(result, "acgkd", ["gfkd"])
    assert "gfkd" not in cells
    assert cells[RELEASED].startswith("+0.300")
    del rows[RELEASED]
    assert scripts.rivals.best(results(scripts, rows), "acgkd", ["gfkd"]) == [], "a row that is missing may be the best"


def test_a_row_is_reduced_in_a_stage_that_it_went_through(scripts: SimpleNamespace) -> None:
    pair = (0.5, 0.5)
    rows = {
        "gfkd": ((1500, 1500), False, pair),
        RELEASED: ((1500, 1499), False, pair),
        "dfad_gnn": ((1, 230), True, pair),
        "deepinv_graphs": ((340, 400), False, pair),
    }
    result = results(scripts, rows)
    assert [scripts.rivals.reduced(result, label) for label in rows] == [False, True, True, False]
    assert list(scripts.rivals.steps(result, "dfad_gnn")) == [(230, 500)]
    assert scripts.rivals.amount(230, result, "dfad_gnn", 0.036) == "230 of 500 × 36 ms"
    assert scripts.rivals.amount(1500, result, "gfkd", None) == "1,500"


def best(scripts: SimpleNamespace, low: float, mean: float, *, reduced: bool = False) -> Any:
    """A rival's best row, by the difference to it."""
    gap = SimpleNamespace(difference=SimpleNamespace(mean=mean, low=low))
    return scripts.rivals.Best("gfkd", "gfkd", reduced, 0.5, gap)


def test_a_lead_over_a_reduced_row_decides_nothing(scripts: SimpleNamespace) -> None:
    clear, lead, behind = (best(scripts, low, mean) for low, mean in ((0.1, 0.2), (-0.1, 0.2), (-0.3, -0.1)))
    short, weak = (best(scripts, low, 0.2, reduced=True) for low in (0.1, -0.1))

    def verdicts(**rows: Any) -> tuple[str, str]:
        return tuple(judge("gfkd", list(rows.items()))[1] for judge in (scripts.targets._above, scripts.targets._clear))

    assert verdicts(a=clear, b=clear, c=lead) == ("met", "met")
    assert verdicts(a=clear, b=lead) == ("met", "missed")
    assert verdicts(a=clear, b=short) == ("not decided", "not decided")
    assert verdicts(a=clear, b=clear, c=short) == ("not decided", "met")
    assert verdicts(a=short, b=weak) == ("not decided", "missed"), "not even a reduced row is led by more than chance"
    assert verdicts(a=clear, b=behind, c=short) == ("missed", "not decided")
    assert verdicts() == ("not decided", "missed")


def test_the_shipped_records_say_which_rows_are_reduced(scripts: SimpleNamespace, tmp_path: Path) -> None:
    module, comparison = scripts.graph_methods, scripts.comparison
    packed = tmp_path / "records.parquet"
    packed.write_bytes(comparison.Place.of(module.NAME).records.read_bytes())
    spec = module.specs(["mutag"])[0]
    found = comparison.records([spec], comparison.Place(tmp_path, packed, tmp_path / "page.md"))
    result = scripts.tables.Results.of(spec, comparison.frame_of(found))
    rows = scripts.rivals.best(result, module.MAIN, module.RIVALS)
    assert [(row.label, row.reduced) for row in rows] == [
        (RELEASED, False), ("dfad_gnn", True), ("deepinv_graphs", False),
    ]  # fmt: skip
    assert [round(row.gap.difference.mean, 3) for row in rows] == [0.264, 0.202, 0.012]
    assert scripts.rivals.reduced(result, "gfkd")
    assert not any(math.isnan(row.accuracy) or row.clear for row in rows)
