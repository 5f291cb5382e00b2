"""How many students fail at which overlap: on rows whose counts are known, and what `Worth` quotes of the study."""

from pathlib import Path

import pandas as pd
import pytest

from acgkd.agreement.worth import RISKS
from analysis.statistics.trust.failed_by_overlap import failed_by_overlap
from analysis.statistics.trust.outcome_bounds import RATIO_BOUND

ROOT = Path(__file__).parents[2]
POOL = ("statistics", "spread confidence")


def student(method: str, variation: float, accuracy: float, **more: object) -> list[dict[str, object]]:
    """A row on each part of the pool and on real graphs, by a teacher with an accuracy of 0.8."""
    known = {"dataset": "mutag", "teacher": "gin", "norm": True, "student": "gcn", "seed": 100, "method": method}
    known |= {"accuracy": accuracy, "teacher_accuracy": 0.8, "said": [6, 4], "agreed": [6, 2], "distance": 0.0}
    known |= {"confidence": 0.9, "ranking": 0.5, "divergence": 0.2, "variation": variation, **more}
    return [{**known, "part": part} for part in (*POOL, "real")]


def test_students_are_counted_by_their_overlap_and_controls_are_not() -> None:
    rows = [
        *student("a", 0.05, 0.8),
        *student("b", 0.1, 0.59),  # on the bound of the band, below that of accuracy
        *student("c", 0.15, 0.6),  # on the bound of accuracy
        *student("d", 0.5, 0.3),
        *student("d", 0.4, 0.7, dataset="proteins"),
        *student("random_graphs", 0.6, 0.1),
        *student("real_data", 0.0, 0.8),
        *student("a", 0.9, 0.1, norm=False),
    ]
    bands, area = failed_by_overlap(pd.DataFrame(rows), POOL, norm=True)
    assert [(band.lower, band.failed, band.students) for band in bands] == [
        (0.9, 1, 2),
        (0.8, 0, 1),
        (0.7, 0, 0),
        (0.0, 1, 2),
    ]
    assert bands[3].by_dataset == {"mutag": (1, 1), "proteins": (0, 1)}
    assert (bands[2].share, bands[1].share[:6]) == ("–", "0 of 1")
    assert area.value == pytest.approx(4 / 6)  # 0.9 is below 0.95 alone, 0.5 below all three


def test_what_is_quoted_beside_an_overlap_is_what_the_study_found() -> None:
    study = pd.read_parquet(ROOT / "docs" / "results" / "records" / "agreement.parquet")
    bands, _ = failed_by_overlap(study, POOL, norm=True)
    assert tuple((band.lower, band.failed, band.students) for band in bands) == RISKS
    assert RATIO_BOUND == 0.75
