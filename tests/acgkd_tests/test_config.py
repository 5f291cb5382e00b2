import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from acgkd.config import (
    DatasetConfig,
    MethodChoice,
    PriorConfig,
    RunConfig,
    StudentConfig,
    TeacherConfig,
    fingerprint,
    flatten,
    overlay,
)

RUN = {"dataset": "motifs", "teacher": "gin-2-8", "student": "gin-2-8", "method": "acgkd"}

names = st.text("abc", min_size=1, max_size=3)
leaves = st.one_of(st.integers(), st.booleans(), st.text(max_size=3), st.none(), st.lists(st.integers(), max_size=2))
trees = st.recursive(
    st.dictionaries(names, leaves, max_size=3),
    lambda inner: st.dictionaries(names, st.one_of(leaves, inner), max_size=3),
    max_leaves=10,
)


def test_short_forms_stand_for_long_ones() -> None:
    run = RunConfig.model_validate(RUN)
    assert run.dataset == DatasetConfig(name="motifs")
    assert run.teacher == TeacherConfig(preset="gin-2-8")
    assert run.student == StudentConfig(preset="gin-2-8")
    assert run.method == MethodChoice(name="acgkd")


def test_a_run_survives_json() -> None:
    run = RunConfig.model_validate(RUN)
    assert RunConfig.model_validate_json(run.model_dump_json()) == run
    assert RunConfig.model_validate(run.model_dump(mode="json")) == run


@pytest.mark.parametrize(
    ("change", "law"),
    [
        ({"colour": "red"}, "Extra inputs"),
        ({"device": "tpu"}, "'auto', 'cpu' or 'cuda'"),
        ({"dataset": {"name": "motifs", "fractions": [0.5, 0.5, 0.5]}}, "`fractions` must be three positive shares"),
        ({"dataset": {"name": "motifs", "fractions": [1.2, -0.5, 0.3]}}, "`fractions` must be three positive shares"),
        ({"teacher": {"preset": "gin-2-8", "epochs": 0}}, "greater than or equal to 1"),
        ({"teacher": {"preset": "gin-2-8", "learning_rate": math.inf}}, "finite"),
        ({"teacher": {"preset": "gin-2-8", "batch_size": 1}}, "greater than or equal to 2"),
        ({"prior": {"nodes": [9, 3]}}, "2 <= nodes"),
        ({"prior": {"nodes": [1, 3]}}, "2 <= nodes"),
        ({"prior": {"mean_degree": -1.0}}, "mean_degree > 0"),
        ({"prior": {"mean_degree": "guess"}}, "'known' or 'unknown'"),
        ({"prior": {"classes": 1}}, "greater than or equal to 2"),
        ({"vary": ["split", "weather"]}, "'split', 'teacher' or 'draws'"),
    ],
)
def test_a_broken_law_is_named(change: dict[str, Any], law: str) -> None:
    with pytest.raises(ValidationError, match=law):
        RunConfig.model_validate({**RUN, **change})


def test_configs_are_frozen() -> None:
    run = RunConfig.model_validate(RUN)
    with pytest.raises(ValidationError, match="frozen"):
        run.device = "cpu"  # type: ignore[misc]


def test_the_fingerprint_names_settings_not_machines() -> None:
    base = RunConfig.model_validate(RUN)
    assert base.fingerprint() == RunConfig.model_validate({**RUN, "device": "cpu"}).fingerprint()
    others = [
        {"student": "gin-3-8"},
        {"method": {"name": "acgkd", "transfer": {"steps": 3}}},
        {"method": {"name": "acgkd", "synthesis": {"steps": 3}}},
        {"prior": {"mean_degree": "unknown"}},
        {"vary": ["draws"]},
    ]
    prints = {base.fingerprint(), *(RunConfig.model_validate({**RUN, **other}).fingerprint() for other in others)}
    assert len(prints) == 1 + len(others)


def test_fingerprints_are_the_same_on_every_machine() -> None:
    assert fingerprint({"b": [1, 2.5], "a": None}) == "e57f5d37865437a8"
    assert fingerprint({"a": None, "b": [1, 2.5]}) == "e57f5d37865437a8"


@given(trees)
def test_overlaying_what_was_flattened_gives_the_tree_back(tree: dict[str, Any]) -> None:
    assert overlay({}, flatten(tree)) == tree
    assert overlay(tree, {}) == tree
    assert overlay(tree, flatten(tree)) == tree


@given(trees, trees)
def test_overlay_leaves_its_arguments_alone(tree: dict[str, Any], other: dict[str, Any]) -> None:
    before = repr(tree)
    changed = overlay(tree, flatten(other))
    assert repr(tree) == before
    for path, value in flatten(other).items():
        node: Any = changed
        for part in path.split("/"):
            node = node[part]
        assert value == {} or node == value


def test_overlay_by_hand() -> None:
    tree = {"method": "acgkd", "teacher": {"preset": "gin-5-64", "epochs": 3}}
    assert overlay(tree, {"teacher/epochs": 5, "method/transfer/steps": 7}) == {
        "method": {"transfer": {"steps": 7}},
        "teacher": {"preset": "gin-5-64", "epochs": 5},
    }
    assert flatten({"a": {"b": 1, "c": {}}, "d": [1]}) == {"a/b": 1, "a/c": {}, "d": [1]}


def test_priors_take_what_they_are_given() -> None:
    assert PriorConfig(nodes=(2, 2)).nodes == (2, 2)
    assert PriorConfig().mean_degree == "known"
    assert PriorConfig(mean_degree=2.5).mean_degree == 2.5


def test_new_options_leave_earlier_fingerprints_unchanged() -> None:
    run = {"dataset": "motifs", "teacher": "gin-3-8", "student": "gin-2-8", "method": "acgkd"}
    dumped = RunConfig.model_validate(run).model_dump(mode="json")
    assert "augment" not in dumped["teacher"]
    assert not {"mean", "std"} & set(dumped["prior"])
    images = {**run, "teacher": {"preset": "wrn-10-1", "augment": "crop_flip"}, "prior": {"mean": [0.5], "std": [0.25]}}
    config = RunConfig.model_validate(images)
    dumped = config.model_dump(mode="json")
    assert dumped["teacher"]["augment"] == "crop_flip"
    assert (dumped["prior"]["mean"], dumped["prior"]["std"]) == ([0.5], [0.25])
    assert RunConfig.model_validate(dumped) == config
