"""How well agreement ranks students, on rows whose ranks are known."""

import pandas as pd
import pytest

from analysis.statistics.trust import agreement_prediction as prediction
from analysis.statistics.trust.agreement_prediction import GROUP, PAIR, Pool

METHODS = ("a", "b", "c", "d", prediction.CONTROL, prediction.UPPER)
SAID = [60, 40]


def rows_of(dataset: str, agreed: dict[str, list[list[int]]], **more: object) -> pd.DataFrame:
    """Rows of one teacher: by part what each student, in the order of METHODS, agrees to of SAID."""
    same = {"dataset": dataset, "teacher": "gin", "norm": True, "student": "gcn", "seed": 100, "said": SAID, **more}
    rows = [
        {**same, "part": part, "method": method, "agreed": counts, "distance": 3.0 if part == "far" else 0.0}
        for part, each in agreed.items()
        for method, counts in zip(METHODS, each, strict=True)
    ]
    known = {"confidence": 0.9, "variation": 0.1, "ranking": 0.5, "divergence": 0.2}
    return prediction.scored(pd.DataFrame(rows).assign(**known))


# The true order is a < b < c < d; `wrong` says the opposite, and both put the upper control last.
RISING = [[60, 0], [60, 10], [60, 20], [60, 30], [0, 0], [0, 0]]
FALLING = [[60, 30], [60, 20], [60, 10], [60, 0], [0, 0], [0, 0]]
PARTS = {"real": RISING, "near": RISING, "far": FALLING}


def test_shares_weigh_classes_alike_and_know_the_worst() -> None:
    rows = rows_of("mutag", PARTS)
    first = rows.iloc[1]
    assert (first["balanced"], first["worst"], first["agreement"]) == (0.625, 0.25, 0.7)


def test_parts_are_averaged_weighed_or_counted_together() -> None:
    rows = rows_of("mutag", PARTS)
    of = [("mutag", "gin", True, "gcn", 100, "a")]
    found = [
        float(prediction.judged(rows, pool)[of].iloc[0])
        for pool in (
            Pool(("near",)),
            Pool(("near", "far")),
            Pool(("near", "far"), known=True),
            Pool(("near", "far"), together=True),
            Pool(("near", "far"), measure="worst"),
        )
    ]
    near, far = 0.5, (1 + 0.75) / 2
    assert found == pytest.approx([near, (near + far) / 2, (near + far / 4) / 1.25, (1 + 30 / 80) / 2, 0.75 / 2])


def test_correlations_leave_out_real_data_and_are_zero_where_all_are_level() -> None:
    rows = rows_of("mutag", {**PARTS, "level": [[30, 20]] * 6})
    true = prediction.truth(rows)
    found = {part: prediction.correlations(prediction.judged(rows, Pool((part,))), true) for part in ("near", "level")}
    assert found["near"].index.names == GROUP
    assert found["near"].tolist() == [pytest.approx(1)]
    assert found["level"].tolist() == [0]
    wrong = prediction.by_pair(prediction.judged(rows, Pool(("far",))), true)[("mutag", "gin", True, "gcn")]
    # Of five students, ranks 2 3 4 5 1 against 5 4 3 2 1.
    assert wrong.value == pytest.approx(0)
    assert -1 <= wrong.low < wrong.value < wrong.high <= 1


def test_the_pool_that_others_chose_is_shown_on_the_set_that_is_left_out() -> None:
    pools = {"near": Pool(("near",)), "far": Pool(("far",))}
    other = {"real": RISING, "near": FALLING, "far": RISING}
    rows = pd.concat([rows_of("mutag", PARTS), rows_of("ptc_mr", other)], ignore_index=True)
    found = prediction.elsewhere(rows, pools, prediction.truth(rows)).set_index("dataset")
    assert found.loc["mutag", "pool"] == "far"
    assert found.loc["mutag", ["chosen_by", "median"]].tolist() == pytest.approx([1, 0])
    assert found.loc["ptc_mr", "pool"] == "near"
    assert prediction.elsewhere(rows_of("mutag", PARTS), pools, prediction.truth(rows)).empty


def test_rules_are_held_to_the_rank_correlation_of_what_they_flag() -> None:
    sound, doubtful = rows_of("mutag", PARTS), rows_of("ptc_mr", PARTS, confidence=0.9)
    doubtful.loc[doubtful["dataset"] == "ptc_mr", "confidence"] = 0.51
    rows = pd.concat([sound, doubtful], ignore_index=True)
    found = prediction.flagged(rows, Pool(("near",)), prediction.truth(rows))
    assert [line[0] for line in found] == ["any", *prediction.RULES]
    assert found[2] == ["confidence", "1 of 2", "1.00", "1.00"]
    assert found[4] == ["spread of parts", "0 of 2", prediction.NOTHING, "1.00"]
    parted = prediction.worths(rows, Pool(("near", "far")))
    assert parted.index.names == [*PAIR, "seed", "method"]
    assert any("more than 0.3 apart" in reason for reason in parted["reasons"].iloc[0])
