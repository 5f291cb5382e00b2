"""`acgkd.testing` and `sweeps.testing`: whole entries pass, and each broken one is caught by the law that it breaks."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

import acgkd
from acgkd.datasets import DATASETS
from acgkd.errors import AcgkdError, ConfigError, TeacherError
from acgkd.testing import check_dataset, check_method, check_model
from sweeps.testing import check_space

EXAMPLES = Path(__file__).resolve().parents[2] / "docs" / "examples" / "plugins"
SPEC = {"dataset": "motifs", "teacher": "gin-2-8", "student": "gin-2-4", "controls": []}


def test_the_documented_entries_pass() -> None:
    check_method(EXAMPLES / "chance.py")
    check_model(str(EXAMPLES / "oneround.py"))
    check_dataset(EXAMPLES / "wheels.py")
    acgkd.use_plugins(EXAMPLES)
    check_space("chance_space", {**SPEC, "method": "chance"})
    acgkd.use_plugins()


# Of a documented entry: what is edited, and the law that is broken by it.
BROKEN = {
    "global draws": (
        "chance.py",
        "generator=random, ",
        "",
        check_method,
        "equal seeds|all draws come from the context",
    ),
    "a forgotten state": (
        "chance.py",
        'self.optimizer.load_state_dict(state["optimizer"])',
        "pass",
        check_method,
        "a run resumed at step 1 of 4 gives the same student",
    ),
    "no loss": (
        "chance.py",
        '{"loss": loss.detach()}',
        '{"error": loss.detach()}',
        check_method,
        "every step gives a `loss`",
    ),
    "a gradient": (
        "chance.py",
        '"loss": loss.detach()',
        '"loss": loss',
        check_method,
        "`loss` of a step is a detached",
    ),
    "uncounted work": ("chance.py", "self.work += teacher + 3 * student", "pass", check_method, "counted work grows"),
    "deaf to weights": ("oneround.py", "* edge_weight.unsqueeze(1)", "", check_model, "edge of weight 0"),
    "other numbers": (
        "oneround.py",
        "batch_norm=True",
        "batch_norm=True, numbers=lambda features, classes: 7",
        check_model,
        "how many numbers the weights are",
    ),
    "a false fact": ("oneround.py", "batch_norm=True", "batch_norm=False", check_model, "whether there is a BatchNorm"),
    "one direction": (
        "wheels.py",
        "[pair, pair.flip(0)]",
        "[pair]",
        check_dataset,
        "in graph 0 every edge is there in both",
    ),
    "a wrong prior": (
        "wheels.py",
        "classes=2)\n\n\nDATASET",
        "classes=3)\n\n\nDATASET",
        check_dataset,
        "as many classes as the prior",
    ),
}


@pytest.mark.parametrize("fault", BROKEN)
def test_a_broken_entry_is_caught_by_its_law(fault: str, tmp_path: Path) -> None:
    name, old, new, check, law = BROKEN[fault]
    text = (EXAMPLES / name).read_text()
    assert old in text
    (tmp_path / name).write_text(text.replace(old, new))
    with pytest.raises((AssertionError, TeacherError, RuntimeError), match=law):
        check(tmp_path / name)


def test_a_space_that_asks_for_what_there_is_not_is_caught(tmp_path: Path) -> None:
    space = tmp_path / "mine.py"
    space.write_text("def suggest(trial):\n    trial.suggest_int('method/synthesis/stepz', 1, 9)\n")
    with pytest.raises(AcgkdError, match="stepz"):
        check_space(space, {**SPEC, "method": "gfkd"})
    space.write_text("def suggest(trial):\n    trial.suggest_int('method/synthesis/steps', 1, 9)\n")
    check_space(space, {**SPEC, "method": "gfkd"})


def test_what_is_no_entry_is_said_to_be_none(tmp_path: Path) -> None:
    for check, wanted in (
        (check_method, "`METHOD` must be an `acgkd.method.Method`, but is of type"),
        (check_model, "`MODEL` must be an `acgkd.models.Model`, but is of type"),
        (check_dataset, "`DATASET` must be an `acgkd.datasets.Dataset`, but is of type"),
    ):
        with pytest.raises(AssertionError, match=f"{wanted} NoneType"):
            check(None)
        (tmp_path / "three.py").write_text(f"{wanted.split('`')[1]} = 3\n")
        with pytest.raises(ConfigError, match=f"three.py cannot be used: {wanted} int"):
            check(tmp_path / "three.py")
    (tmp_path / "three.py").write_text("suggest = 3\n")
    with pytest.raises(ConfigError, match="`suggest` must be a function, but is of type int"):
        check_space(tmp_path / "three.py", {**SPEC, "method": "gfkd"})
    with pytest.raises(ConfigError, match=r"three\.py cannot be used: it exports no `METHOD`"):
        check_method(tmp_path / "three.py")


def test_what_a_space_raises_is_said_with_its_line(tmp_path: Path) -> None:
    space = tmp_path / "mine.py"
    space.write_text("def suggest(trial):\n    trial.suggest_int('method/synthesis/steps', 1, 9)\n    trial.number\n")
    with pytest.raises(ConfigError, match=r"(?s)may use `suggest_float`.*mine.py:3, in suggest: trial.number"):
        check_space(space, {**SPEC, "method": "gfkd"})
    space.write_text("def suggest(trial, other):\n    pass\n")
    with pytest.raises(ConfigError, match=r"raised TypeError: suggest\(\) missing 1 required positional argument"):
        check_space(space, {**SPEC, "method": "gfkd"})
    space.write_text("def suggest(trial):\n    trial.suggest_int('method/synthesis/steps', 1, 9)\n")
    with pytest.raises(ConfigError, match=r"`spec` is a sweep without `space`, but student: "):
        check_space(space, {"dataset": "motifs", "teacher": "gin-2-8", "method": "gfkd"})


def test_a_test_part_that_is_not_there_is_missed() -> None:
    with pytest.raises(AssertionError, match="test part"):
        check_dataset(replace(DATASETS["motifs"], official_test=True))


def test_importing_it_needs_neither_torch_nor_a_test_framework() -> None:
    code = "import sys, acgkd.testing\nprint([name for name in ('torch', 'pytest') if name in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
