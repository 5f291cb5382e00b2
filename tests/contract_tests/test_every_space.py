"""Every search space: whatever it asks for, its method takes."""

from pathlib import Path

import pytest
import yaml

from acgkd.config import MethodChoice
from acgkd.errors import ConfigError
from acgkd.methods import METHODS, parse_method
from sweeps.spaces import SPACES
from sweeps.spec.loading import load
from sweeps.spec.space_survey import draw, survey
from sweeps.testing import check_space

TRIALS = 100
FIXED = {"dataset": {"name": "motifs"}, "teacher": {"preset": "gin-5-64"}, "student": {"preset": "gin-3-32"}}

# The method that a space is for is what its name begins with; `smoke` is for all that share the transfer stage.
METHODS_OF = {
    "smoke": ("acgkd", "deepinv_graphs", "gfkd", "random_graphs", "real_data"),
    "image_methods": ("dafl", "deepinversion", "dfad", "fast_meta", "mskd", "rdskd", "zskd", "zskt"),
}


# What spaces are tried on: `motifs` and its models unless the method is for images.
FOR_GRAPHS = "dataset: motifs\nteacher: gin-5-64\nstudent: gin-3-32\n"
FOR_IMAGES = "dataset: digits\nteacher: resnet-8\nstudent: wrn-10-1\n"


def methods_of(space):
    return METHODS_OF.get(space, (space.rsplit("_", 1)[0],))


@pytest.fixture(scope="module")
def specs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("specs")

    def make(space, method):
        path = Path(folder / f"{space}-{method}.yaml")
        models = FOR_IMAGES if METHODS[method].modality == "images" else FOR_GRAPHS
        path.write_text(f"{models}method: {method}\nspace: {space}\nbudget: {{trials: 1}}\ncontrols: []\n")
        return load(path)

    return make


def test_the_catalogue_holds_the_spaces_that_the_docs_name():
    assert list(SPACES) == [
        "acgkd_core",
        "acgkd_default",
        "acgkd_wide",
        "dafl_default",
        "deepinv_graphs_default",
        "deepinversion_default",
        "dfad_default",
        "dfad_gnn_default",
        "fast_meta_default",
        "gfkd_default",
        "image_methods",
        "mskd_default",
        "rdskd_default",
        "smoke",
        "zskd_default",
        "zskt_default",
    ]


@pytest.mark.parametrize("space", list(SPACES))
def test_every_space_keeps_the_laws_that_others_hold_theirs_to(space):
    for method in methods_of(space):
        models = FOR_IMAGES if METHODS[method].modality == "images" else FOR_GRAPHS
        check_space(space, {**yaml.safe_load(models), "method": method, "controls": []})


def test_the_default_covers_what_the_method_is_known_for(specs):
    asked = survey(specs("acgkd_default", "acgkd").suggest)
    for name in (
        "method/synthesis/complexity/mode",
        "method/transfer/temperature/mode",
        "method/transfer/curriculum/pacing",
        "method/transfer/curriculum/pace",
        "method/synthesis/rate",
        "method/synthesis/statistics_weight",
        "method/synthesis/entropy_weight",
    ):
        assert name in asked.parameters
    for name in ("degree", "ratio", "threshold"):
        assert f"method/synthesis/complexity/{name}" in asked.conditional
    for name in ("value", "low", "high"):
        assert f"method/transfer/temperature/{name}" in asked.conditional


def test_the_wide_one_asks_for_all_that_the_default_asks_for_and_more(specs):
    wide, default = (survey(specs(name, "acgkd").suggest) for name in ("acgkd_wide", "acgkd_default"))
    assert set(default.parameters) < set(wide.parameters)
    assert {name: default.parameters[name] for name in default.parameters} == {
        name: wide.parameters[name] for name in default.parameters
    }
    assert "method/transfer/curriculum/difficulty" in wide.conditional
    assert "method/synthesis/degree_weight" not in wide.conditional


def test_every_method_on_images_that_learns_without_data_can_be_searched_for(specs):
    asked = survey(specs("image_methods", "rdskd").suggest)
    learn = [name for name in METHODS if METHODS[name].modality == "images" and not METHODS[name].lower_control]
    assert list(asked.parameters["method/name"].ends) == learn
    assert "method/name" not in asked.conditional


def _paced(name):
    """Whether the method's students can be taught from easy to hard."""
    try:
        parse_method(MethodChoice(name=name, transfer={"curriculum": {"pacing": "linear"}}))
    except ConfigError:
        return False
    return True


@pytest.mark.parametrize("name", methods_of("image_methods"))
def test_the_pace_is_searched_wherever_a_student_can_be_paced(name, specs):
    own = survey(specs(f"{name}_default", name).suggest)
    asked = {"method/transfer/curriculum/pacing", "method/transfer/curriculum/pace"}
    assert asked <= set(own.parameters) if _paced(name) else not asked & set(own.parameters)
    made = "images" in METHODS[name].config.model_fields["transfer"].annotation.model_fields
    assert ("method/transfer/images" in own.parameters) == made
    over_all = specs("image_methods", "rdskd")
    points = [draw(over_all.suggest, seed) for seed in range(TRIALS)]
    mine = [point for point in points if point["method/name"] == name]
    assert any(asked <= point.keys() for point in mine) == _paced(name)
    assert any("method/transfer/images" in point for point in mine) == made
