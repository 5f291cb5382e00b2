"""Can I trust it: seeds, selection, and the parts that judge, on planted sweeps."""

import math
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from acgkd.errors import NothingToShowError
from analysis.figures.drawing import svg_of
from analysis.figures.loss_curves import curve_sentence
from analysis.figures.marked_trials import with_trials
from analysis.figures.trust.seed_lines import paint_seeds, seed_lines
from analysis.figures.trust.selection_scatter import paint_selection
from analysis.page.blocks import Note, Table
from analysis.records.frame import load
from analysis.reports.questions.agreement_blocks import agreement_blocks
from analysis.reports.questions.can_i_trust_it import can_i_trust_it
from analysis.reports.questions.part_blocks import part_blocks
from analysis.statistics.trust.seed_effects import missing, seed_effect, seed_table, sentence
from analysis.statistics.trust.selected_by import selected_by
from analysis.statistics.trust.selected_by import sentence as selection_sentence
from analysis.statistics.view import View, view_of
from tests.analysis_tests.planted import by_seed

SUNK = {
    0: [0.90, 0.92, 0.70, 0.91],
    1: [0.88, 0.86, 0.60, 0.87],
    2: [0.80, 0.84, 0.66, 0.82],
    3: [0.85, 0.81, 0.71, 0.83],
}


def seen(folder: Path) -> View:
    return view_of(load([folder]))


@pytest.fixture(scope="module")
def sunk(tmp_path_factory: pytest.TempPathFactory) -> View:
    controls = {"random_graphs": [0.5, 0.5, 0.5, 0.5], "real_data": [0.9, 0.9, 0.8, 0.9]}
    return seen(by_seed(tmp_path_factory.mktemp("sunk") / "s", SUNK, controls, [0.95, 0.95, 0.85, 0.95]))


def test_one_seed_sinks_every_trial_and_the_sentence_says_which_and_by_how_much(sunk: View) -> None:
    effect = seed_effect(seed_table(sunk))
    assert effect is not None
    assert effect.sinks_every_trial
    assert (effect.seed, effect.worst_of, effect.trials) == (102, 4, 4)
    means = [np.mean([v for i, v in enumerate(values) if i != 2]) - values[2] for values in SUNK.values()]
    assert effect.drop == pytest.approx(np.mean(means))
    assert (effect.least, effect.most) == (pytest.approx(min(means)), pytest.approx(max(means)))
    assert effect.teacher_drop == pytest.approx(0.1)
    said = sentence(seed_table(sunk))
    assert said.startswith(
        "Seed 102 sinks every trial: each of these 4 is worst there, with 0.190 less test accuracy than on the other "
        "seeds on average (0.120 to 0.270); the teacher has 0.100 less. By chance alone some seed would be in 2% of "
        "such tables. Of the variance of these values "
    )


def test_shares_of_variance_are_those_of_a_two_way_table(sunk: View) -> None:
    effect = seed_effect(seed_table(sunk))
    assert effect is not None
    values = np.array([*SUNK.values()])
    whole = values.var()
    assert effect.of_seeds == pytest.approx(values.mean(axis=0).var() / whole)
    assert effect.of_trials == pytest.approx(values.mean(axis=1).var() / whole)


def test_where_no_seed_sinks_every_trial_none_is_said_to(tmp_path: Path) -> None:
    values = {0: [0.9, 0.8, 0.7], 1: [0.9, 0.8, 0.7], 2: [0.7, 0.8, 0.9]}
    found = seed_table(seen(by_seed(tmp_path / "s", values)))
    assert sentence(found).startswith("No seed sinks every trial: the hardest is 102, the worst one of 2 of 3 trials")
    assert not seed_lines(seen(by_seed(tmp_path / "t", values))).hardest


@pytest.mark.parametrize(
    "values", [{0: [0.9, 0.8, 0.7]}, {n: [0.9, 0.8] for n in range(4)}, {n: [0.5] * 3 for n in range(3)}]
)
def test_too_little_says_nothing(values: dict[int, list[float]], tmp_path: Path) -> None:
    found = seed_table(seen(by_seed(tmp_path / "s", values)))
    assert seed_effect(found) is None
    assert "cannot be seen" in sentence(found)


def test_seeds_that_make_no_difference_seldom_sink_every_trial() -> None:
    """As seldom as is said beside it: `chance` is the rate."""
    draw, sunk, trials, seeds = np.random.default_rng(5), 0, 3, 3
    for _ in range(4000):
        values = draw.normal(size=(trials, seeds))
        worst = values.argmin(axis=1)
        sunk += len(set(worst)) == 1
    assert sunk / 4000 == pytest.approx(seeds ** (1 - trials), abs=3.3 * math.sqrt(0.11 * 0.89 / 4000))


def test_a_trial_without_a_seed_is_named_and_left_out(made_up: ModuleType, tmp_path: Path) -> None:
    folder = by_seed(tmp_path / "s", SUNK)
    path = folder / "records" / "trial-0003-02.json"
    path.write_text(path.read_text().replace('"test_accuracy":0.71', '"test_accuracy":null'))
    found = seed_table(seen(folder))
    effect = seed_effect(found)
    assert effect is not None
    assert effect.trials == 3
    assert missing(found) == "Without a value on every seed: trial 3."


def test_the_figure_shows_each_trial_and_shades_the_seed(sunk: View) -> None:
    content = seed_lines(sunk)
    assert content.hardest == 102
    svg = with_trials(svg_of(paint_seeds(content)))
    assert [svg.count(f'data-trial="{n}"') for n in range(4)] == [5, 5, 5, 5], "a line and four marks"
    for word in ("random_graphs", "real_data", "teacher", content.called or "nobody"):
        assert word in svg


def test_without_a_complete_trial_there_is_no_figure(made_up: ModuleType, tmp_path: Path) -> None:
    folder = made_up.write_folder(tmp_path / "s", [made_up.record(outcome="diverged")], seeds=1)
    with pytest.raises(NothingToShowError, match="No complete trial"):
        seed_lines(seen(folder))


def test_what_chose_against_the_test(sunk: View) -> None:
    # Chosen by validation, which falls with the number: means on test are 0.8575, 0.8025, 0.78 and 0.80.
    found = selected_by(sunk)
    assert found is not None
    assert (found.chosen, found.oracle, found.gap) == (0, 0, 0.0)
    assert found.correlation == pytest.approx(0.8)
    assert selection_sentence(found) == (
        "Trial 0, chosen by validation accuracy, is also the best on test: the oracle gap is 0.000. Over 4 complete "
        "trials, validation accuracy and test accuracy rank trials nearly alike (Spearman's ρ = 0.80)."
    )
    assert 'data-trial="3"' in with_trials(svg_of(paint_selection(found)))


def test_a_gap_and_an_order_that_is_opposed_are_said(tmp_path: Path) -> None:
    found = selected_by(seen(by_seed(tmp_path / "s", {n: [0.5 + n / 10, 0.6 + n / 10] for n in range(4)})))
    assert found is not None
    assert selection_sentence(found) == (
        "Trial 0, chosen by validation accuracy, has 0.300 less test accuracy than trial 3, the best on test: the "
        "oracle gap. Over 4 complete trials, validation accuracy and test accuracy rank trials against each other "
        "(Spearman's ρ = −1.00)."
    )


def test_the_parts_that_judge_have_their_sizes(made_up: ModuleType, tmp_path: Path) -> None:
    quality = {"test_size": 50, "test_classes": 2, "test_smallest_class": 9}
    records = [
        made_up.record(quality=quality),
        made_up.record(replicate=1, quality=quality | {"test_smallest_class": 7}),
    ]
    [table] = part_blocks(seen(made_up.write_folder(tmp_path / "s", records, seeds=2)))
    assert isinstance(table, Table)
    assert table.cells()[2] == ["test", "50", "2", "7", "0.020", "0.071"]


def test_agreement_has_its_facts_where_it_was_measured(made_up: ModuleType, tmp_path: Path) -> None:
    quality = {"agreement": 0.97, "classes": 4, "pool_classes": 1, "control_agreement": 0.96}
    folder = made_up.write_folder(tmp_path / "s", [made_up.record(quality=quality)], seeds=1)
    table, note = agreement_blocks(seen(folder))
    assert isinstance(table, Table)
    assert ["classes that it says on the pool", "1"] in table.cells()
    assert isinstance(note, Note)
    assert agreement_blocks(seen(made_up.write_folder(tmp_path / "t", [made_up.record()], seeds=1))) == []


@pytest.mark.usefixtures("without_figures")
def test_the_section_has_no_warning_of_the_top_again(sunk: View) -> None:
    blocks = can_i_trust_it(sunk).blocks
    assert not any(isinstance(block, Note) and block.warning for block in blocks)
    table = next(block for block in blocks if isinstance(block, Table) and block.name == "by-seed")
    assert table.cells()[2] == ["102", "0.700", "0.600", "0.660", "0.710", "0.500", "0.800", "0.850"]


def test_loss_curves_are_summed_up() -> None:
    curve = {"step": [0.0, 1.0], "loss": [4.0, 1.0]}
    worse = {"step": [0.0, 1.0], "loss": [4.0, 3.0]}
    assert curve_sentence({0: {"transfer": curve}, 1: {"transfer": worse}}) == (
        "In transfer the loss fell from 4.00 to 2.00, from 1.00 to 3.00 between replicates."
    )
