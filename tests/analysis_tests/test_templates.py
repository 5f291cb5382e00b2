"""Pages from templates: numbers, tables and figures where an author's prose asks for them; mistakes name their line."""

import math
import re
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

import analysis
from acgkd.errors import ConfigError, SourceError
from analysis.comparison.comparing import compared
from analysis.comparison.joint import Comparison
from analysis.comparison.published import KnownMethod
from analysis.comparison.templates.markdown_words import cell, fixed, listed
from analysis.comparison.templates.one_change import changes
from analysis.comparison.templates.row_cells import COLUMNS, over_samples
from analysis.records.frame import from_records
from tests.analysis_tests.simulated import frame

MEANS = {name: {"ours": 0.80, "rival": 0.70, "rival (b)": 0.75, "noise": 0.5} for name in ("one", "two")}
VALIDATION = {name: {"ours": 0.8, "rival": 0.72, "rival (b)": 0.71, "noise": 0.5} for name in MEANS}
KNOWN = {"ours": KnownMethod({"synthesis/steps": 300}), "rival": KnownMethod(), "noise": KnownMethod({}, control=True)}


@pytest.fixture(scope="module")
def comparison() -> Comparison:
    return compared(frame(MEANS, seeds=4, validation=VALIDATION), published=KNOWN)


def filled(comparison: Comparison, text: str, tmp_path: Path) -> str:
    template = tmp_path / "page.md.j2"
    template.write_text(text)
    return comparison.fill(template, tmp_path / "out").read_text()


def test_numbers_are_those_of_the_comparison(comparison: Comparison, tmp_path: Path) -> None:
    text = filled(
        comparison,
        "{{ of('ours', 'one').mean | fixed }} {{ gap('ours', 'rival', 'two') | signed }} "
        "{{ reference('teacher', 'one').n }} {{ baseline }} "
        "{{ columns() | listed }} {{ panels[0] }} {{ has('ours', 'one') }} {{ has('nobody') }}",
        tmp_path,
    )  # fmt: skip
    rows = comparison.rows.set_index(["column", "row"])
    row = rows.loc[("two", "rival")]
    gap = f"{row['difference']:+.3f} ({row['difference_low']:.3f} to {row['difference_high']:.3f})"
    mean = f"{rows.loc[('one', 'ours'), 'test_accuracy']:.3f}"
    assert text == f"{mean} {gap} 4 ours one and two big → small True False\n"


def test_a_table_shows_the_columns_that_are_asked_for(comparison: Comparison, tmp_path: Path) -> None:
    text = filled(
        comparison, "{{ table('one', show='row note seeds test_accuracy difference', references=true) }}", tmp_path
    )
    head, _, *rows = text.splitlines()
    assert head == "| row | note | seeds | test accuracy | `ours` minus it |"
    cells = {row.strip("| ").split(" | ")[0]: row.strip("|").split("|") for row in rows}
    assert list(cells) == ["majority class", "teacher", "ours", "rival", "rival (b)", "noise"]
    assert [bool(cells[name][4].strip()) for name in ("ours", "rival", "rival (b)", "noise")] == [
        False, True, False, True,
    ], "a row that another stands for has no difference"  # fmt: skip
    assert cells["rival"][1].strip() == "best"
    against = filled(comparison, "{{ table('one', show='row difference', against='rival (b)') }}", tmp_path)
    assert against.startswith("| row | `rival (b)` minus it |")
    assert re.search(r"\| rival \| [+−]0\.\d{3} \(", against)
    chosen = filled(comparison, "{{ table(show='data row score', roles='best') }}", tmp_path).splitlines()[2:]
    assert [line.split(" | ")[:2] for line in chosen] == [["| one", "rival"], ["| two", "rival"]]
    two = filled(comparison, "{{ table('one', show='row', rows=['noise', 'ours']) }}", tmp_path).splitlines()
    assert two[2:] == ["| noise |", "| ours |"]


def test_every_column_can_be_shown(comparison: Comparison, tmp_path: Path) -> None:
    text = filled(comparison, f"{{{{ table('one', show='{' '.join(COLUMNS)}') }}}}", tmp_path)
    lines = text.splitlines()
    assert len(lines) == 6
    assert "nan" not in text
    joint = filled(comparison, "{{ joint() }}", tmp_path).splitlines()
    assert joint[0] == "| row | one | two |"
    assert re.fullmatch(r"\| ours \| 0\.\d{3} ± 0\.\d{3} \| 0\.\d{3} ± 0\.\d{3} \|", joint[2])


def test_figures_lie_beside_the_page(comparison: Comparison, tmp_path: Path) -> None:
    text = filled(comparison, "{{ figure('differences') }}", tmp_path)
    assert text == "![What ours has more](page-differences.svg)\n"
    assert (tmp_path / "out" / "page-differences.svg").read_text().startswith("<?xml")
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"page.md", "page-differences.svg"}


def test_a_part_is_the_comparison_of_some_sweeps(comparison: Comparison, tmp_path: Path) -> None:
    names = comparison.frame.sources
    assert len(names) == 2
    asked = f"{{% set p = part('{names[1]}', baseline='rival') %}}"
    text = filled(comparison, asked + "{{ p.columns() }} {{ p.baseline }}", tmp_path)
    assert text == "['two'] rival\n"
    with pytest.raises(SourceError, match="none is called mars"):
        comparison.part("mars")
    assert comparison.part("*").rows["test_accuracy"].tolist() == comparison.rows["test_accuracy"].tolist()


def test_targets_may_be_of_some_sweeps_alone(comparison: Comparison, tmp_path: Path) -> None:
    target = {"row": "ours", "against": "noise", "at_least": 0, "sweeps": [comparison.frame.sources[0]]}
    found = analysis.compare_methods(comparison.frame, published=KNOWN, targets=[target])
    assert found.verdicts[0].detail.startswith("met on 1 of 1; one ")
    text = filled(found, "{{ targets() }}", tmp_path)
    assert text.startswith(
        "* test accuracy of `ours` minus `noise` at least 0 on every data set: **met**; met on 1 of 1"
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("\n{{ nothing }}", "line 2: 'nothing' is undefined"),
        ("\n\n{% if %}", "line 3: Expected an expression"),
        ("{{ of('nobody') }}", "there is no 'nobody'. Known: ours, rival"),
        ("{{ of('ours', 'mars') }}", "there is no 'ours' on mars"),
        ("{{ table('mars', show='row') }}", "is one of one, two, but got 'mars'"),
        ("{{ table('one', show='row beauty') }}", "but got beauty"),
        ("{{ table('one', 'mars', show='row') }}", "A joint table is one of big → small, but got 'mars'"),
        ("{{ figure('moon') }}", "but got moon"),
        ("\n{{ table() }}", "line 2"),
        ("{{ data('gone.json') }}", "gone.json cannot be read"),
        ("{{ ''.__class__.__mro__ }}", "unsafe"),
    ],
)
def test_a_mistake_in_a_template_is_one_sentence(
    comparison: Comparison, tmp_path: Path, text: str, message: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        filled(comparison, text, tmp_path)
    assert message in str(caught.value)
    assert not (tmp_path / "out" / "page.md").exists()


def test_a_template_that_is_not_there_or_would_be_overwritten_is_named(comparison: Comparison, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"gone\.md cannot be read"):
        comparison.fill(tmp_path / "gone.md", tmp_path / "out")
    (tmp_path / "page.md").write_text("prose")
    with pytest.raises(ConfigError, match=r"Name the template `page\.md\.j2`"):
        comparison.fill(tmp_path / "page.md", tmp_path)
    assert (tmp_path / "page.md").read_text() == "prose"


def test_names_with_markup_are_text(tmp_path: Path) -> None:
    made = compared(frame({"<b>": {"ours": 0.8, "a|b <i> _x_": 0.7}}, seeds=3))
    assert r"\<i\> \_x\_" in filled(made, "{{ table(show='data row') }}", tmp_path)
    assert cell("dfad_gnn `a|b` *x*") == r"dfad_gnn `a\|b` \*x\*"


def test_words_of_templates() -> None:
    assert (listed([]), listed(["a"]), listed("ab"), listed("abc", "or")) == ("none", "a", "a and b", "a, b or c")
    assert (fixed(0.12345), fixed(None), fixed(-1, 1)) == ("0.123", "–", "−1.0")
    assert over_samples(0.149, 1000) == "0.149 (0.128 to 0.172)", "Wilson's interval"


def test_changes_are_ratios_to_the_method_without_them(made_up: ModuleType) -> None:
    divergence = {"trial 0": [0.2, 0.4, 0.3, 0.5], "better": [0.1, 0.2, 0.15, 0.25], "worse": [0.8, 0.9, 1.2, 1.0]}
    records = [
        made_up.record(
            label=label, kind="trial" if label == "trial 0" else "control", method="acgkd", replicate=seed,
            quality={"validation_divergence": value, "validation_accuracy": 0.8 + 0.02 * (label == "better")},
        )
        for label, values in divergence.items() for seed, value in enumerate(values)
    ]  # fmt: skip
    records += [
        made_up.record(
            label="noise", kind="control", method="noise", replicate=seed, quality={"validation_divergence": 0.22}
        )
        for seed in range(4)
    ]
    better, noise, worse = changes(compared(from_records(records), published=KNOWN))
    assert (better.label, noise.label, worse.label) == ("better", "noise", "worse")
    assert better.together is not None
    assert str(better.together) == "0.50 (0.50 to 0.50)"
    assert (better.gains(), better.costs, better.points) == (True, False, (pytest.approx(2.0),))
    assert not better.gains(lost_points=-3.0)
    assert not noise.gains(), "another method is no change of this one"
    logs = np.log(np.array(divergence["worse"]) / np.array(divergence["trial 0"]))
    assert worse.together is not None
    assert worse.together.mean == pytest.approx(logs.mean())
    assert worse.together.error == pytest.approx(logs.std(ddof=1) / math.sqrt(4))
    assert worse.costs
