"""What methods declare decides which rows are published, reduced or ours; targets of agreement and their worth."""

from typing import Any

import pandas as pd
import pytest

import analysis
from analysis.comparison.comparing import compared
from analysis.comparison.comparison_page import report
from analysis.comparison.published import KnownMethod, KnownVariant, match_of
from analysis.page.render import markdown
from analysis.records.frame import Frame
from sweeps.interchange.method_defaults import published_methods
from tests.analysis_tests.simulated import frame
from tests.analysis_tests.test_comparing_methods import with_settings

FULL = {"synthesis/recipe": "released", "synthesis/steps": 1000, "synthesis/rate": 0.1, "synthesis/images": 500}
SMALL = {**FULL, "synthesis/recipe": "compact", "synthesis/steps": 100, "synthesis/rate": 0.3, "synthesis/images": 50}
PAPER = {**FULL, "synthesis/recipe": "paper", "synthesis/weight": 2.0}
METHOD = KnownMethod(
    FULL,
    variants=(
        KnownVariant("released", {**FULL, "synthesis/weight": 1.0}, "released code"),
        KnownVariant("paper", PAPER, "paper"),
        KnownVariant(
            "compact", {**SMALL, "synthesis/weight": 1.0}, "ours", "less", "released", frozenset({"synthesis/rate"})
        ),
    ),
)
OWN = KnownMethod({"synthesis/rate": 0.1}, variants=(KnownVariant("default", {"synthesis/rate": 0.1}, "ours"),))


def row(**settings: Any) -> dict[str, object]:
    return {f"setting/method/synthesis/{name}": value for name, value in settings.items()}


@pytest.mark.parametrize(
    ("settings", "variant", "others"),
    [
        ({"recipe": "released", "rate": 0.1, "weight": 1.0}, "released", ()),
        ({"recipe": "released", "rate": 0.3, "weight": 1.0}, "released", ("synthesis/rate",)),
        ({"recipe": "paper", "rate": 0.1, "weight": 2.0}, "paper", ()),
        ({"recipe": "compact", "rate": 0.5, "weight": 1.0}, "compact", ()),
        ({"recipe": "compact", "rate": 0.5, "weight": 3.0}, "compact", ("synthesis/weight",)),
        ({"rate": 0.1, "weight": 2.0}, "paper", ()),  # records that know no recipe
    ],
)
def test_a_row_is_judged_by_the_variant_that_it_is_nearest_to(
    settings: dict[str, Any], variant: str, others: tuple[str, ...]
) -> None:
    match = match_of(row(**settings), METHOD)
    assert match is not None
    assert (match.variant.name, match.others) == (variant, others)


def test_settings_that_were_published_for_other_teachers_are_carried_over() -> None:
    for_gcn = KnownMethod(FULL, variants=(KnownVariant("released", FULL, "released code", teachers=("gcn",)),))
    words = []
    for teacher in ("gcn-5-64", "gin-5-64", None):
        match = match_of({**row(rate=0.1), "teacher": teacher}, for_gcn)
        assert match is not None
        words.append(match.words)
    assert words == [
        "released (released code)", "released (released code, carried over to gin-5-64)", "released (released code)",
    ]  # fmt: skip


def test_gfkd_from_the_priors_density_is_a_published_variant_of_its_own() -> None:
    gfkd = published_methods()["gfkd"]
    found = [match_of(row(density=density), gfkd) for density in ("released", "prior")]
    assert [match and match.variant.name for match in found] == ["released", "released, prior's density"]
    assert all(match and not match.others and gfkd.published(match.variant) for match in found)


def test_a_cheaper_form_is_reduced_and_what_is_ours_is_not_published() -> None:
    whole = {"synthesis/weight": 1.0, "synthesis/images": 500}
    made = with_settings(
        frame({"one": {"ours": 0.9, "rival": 0.7, "rival (small)": 0.75, "rival (few)": 0.72, "copy": 0.6}}, seeds=3),
        {
            "rival": {**FULL, **whole},
            "rival (small)": {**SMALL, **whole},
            "rival (few)": {**FULL, **whole, "synthesis/images": 20},
            "copy": {"synthesis/rate": 0.1},
        },
    )
    known = {"rival": METHOD, "copy": OWN}
    table = compared(made, published=known).rows.set_index("row")
    assert table["note"].to_dict() == {
        "ours": "baseline", "rival": "", "rival (small)": "best, reduced", "rival (few)": "reduced",
        "copy": "not published",
    }  # fmt: skip
    assert table.loc["rival (small)", "provenance"] == "compact (ours, less of released)"
    assert table.loc["rival (small)", "steps"] == "synthesis 100 of 1,000"
    assert table.loc["rival (few)", "steps"].endswith("images 20 of 500")
    target = {"row": "ours", "against": "copy", "at_least": 0}
    (verdict,) = analysis.compare_methods(made, published=known, targets=[target]).verdicts
    assert (verdict.word, "not published" in verdict.detail) == ("not decided", True)
    page = " ".join(markdown(report(compared(made, published=known))).split())
    assert "### Whose settings" in page
    assert "| rival | compact | ours | no | less |" in page


def agreeing(noise: float) -> Frame:
    made = frame({"one": {"ours": 0.8, "noise": 0.5}}, seeds=3)
    return Frame(
        made.rows.assign(
            agreement=made.rows["method"].map({"ours": 0.97, "noise": noise}).astype("float64"),
            classes=pd.Series([2] * len(made.rows), dtype="Int64"),
            pool_classes=pd.Series([2] * len(made.rows), dtype="Int64"),
            prior=pd.Series(["known"] * len(made.rows), dtype=made.rows["prior"].dtype),
        )
    )


@pytest.mark.usefixtures("without_figures")
@pytest.mark.parametrize(("noise", "said"), [(0.95, "is not informative here"), (0.5, "What agreement is worth")])
def test_beside_a_target_of_agreement_stands_what_it_is_worth(noise: float, said: str) -> None:
    known = {"noise": KnownMethod({}, control=True)}
    targets = [{"row": "ours", "measure": "agreement", "at_least": 0.9}, {"row": "ours", "at_least": 0.1}]
    made = analysis.compare_methods(agreeing(noise), published=known, targets=targets)
    first, second = made.verdicts
    assert (first.word, second.worth) == ("met", ())
    (worth,) = first.worth
    assert worth.startswith("one: ")
    assert said in worth
    assert f"a student taught with noise reaches {noise:.3f}" in worth
    assert said in markdown(report(made))
    assert said in " ".join(" ".join(made.lines(80)).split())
    by_agreement = compared(agreeing(noise), published=known, measure="agreement")
    assert said in markdown(report(by_agreement))


@pytest.mark.usefixtures("without_figures")
def test_controls_are_held_to_the_baselines_cost_too() -> None:
    made = frame({"one": {"ours": 0.8, "noise": 0.5, "real_data": 0.9}}, seeds=3)
    seconds = {"trial 0": 10.0, "noise": 9.0, "real_data": 30.0}
    rows = made.rows.assign(transfer_s=made.rows["label"].map(seconds).astype("float64"), synthesis_s=0.0)
    steps = {"trial 0": 100, "noise": 300, "real_data": 50}
    rows = rows.assign(transfer_steps=rows["label"].map(steps).astype("Int64"))
    known = {name: KnownMethod({}, control=True) for name in ("noise", "real_data")}
    by_seconds = compared(Frame(rows), published=known, equal="seconds")
    assert by_seconds.rows.set_index("row")["role"].to_dict() == {
        "ours": "baseline", "noise": "control", "real_data": "other",
    }  # fmt: skip
    assert "no row stands for `real_data`" in report(by_seconds).subtitle
    by_steps = compared(Frame(rows), published=known, equal="steps").rows.set_index("row")["role"]
    assert (by_steps["noise"], by_steps["real_data"]) == ("other", "control")
