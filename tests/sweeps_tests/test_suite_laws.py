"""What a suite must not say: each law has its sentence, from Python as from a file, with its place; all at once."""

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml

from acgkd.errors import SpecError
from sweeps.cli.app import main
from sweeps.suites import suite_laws
from sweeps.suites.suite_loading import load_suite

GOOD: dict[str, Any] = {
    "name": "laws",
    "replicates": {"seeds": [0, 1]},
    "suite": {
        "methods": ["acgkd", "gfkd", "random_graphs", "real_data"],
        "datasets": ["motifs"],
        "pairs": [{"teacher": "gin-2-8", "student": "gin-2-8"}],
    },
}
LENET = {"teacher": "lenet5", "student": "lenet5-half"}
# What is changed, by slash path; where the fault is; a part of what it says.
CASES: dict[str, tuple[dict[str, Any], str, str]] = {
    "no methods": ({"suite/methods": []}, "suite/methods", "takes at least 1 values, but got 0"),
    "unknown key": ({"suite/method": "acgkd"}, "suite/method", "Unknown key. Did you mean 'methods'?"),
    "unknown section": ({"sed": 1}, "sed", "Unknown key."),
    "a method": ({"method": "acgkd"}, "method", "In a suite `suite/methods` says what is run."),
    "controls": ({"controls": ["noise"]}, "controls", "In a suite `suite/methods` says what is run."),
    "a space": ({"space": "acgkd_core"}, "space", "rows are searched one by one"),
    "unknown method": ({"suite/methods": ["acgkd", "gfk"]}, "suite/methods/1/name", "Did you mean 'gfkd'?"),
    "unknown data set": ({"suite/datasets": ["motif"]}, "suite/datasets/0/name", "Did you mean 'motifs'?"),
    "unknown model": (
        {"suite/pairs": [{"teacher": "gin-2-8", "student": "gim-2-8"}]},
        "suite/pairs/0/student/preset",
        "Did you mean 'gin'?",
    ),
    "half a pair": ({"suite/pairs": [{"teacher": "gin-2-8"}]}, "suite/pairs/0/student", "This must be given."),
    "no data set": ({"suite/datasets": []}, "suite/datasets", "A suite needs data sets, but there is none."),
    "no pair": ({"suite/pairs": []}, "suite/pairs", "but there is no teacher and no student"),
    "own data set": (
        {"suite/datasets": [], "dataset": {"name": "motifs", "option": {}}},
        "dataset/option",
        "Unknown key. Did you mean 'options'?",
    ),
    "own data set is a list": ({"suite/datasets": [], "dataset": [1]}, "dataset", "This must be a mapping"),
    "own data set, perturbed": (
        {"suite/datasets": [], "dataset": {"name": "motifs", "sensitivity": {"draws": 2}}},
        "dataset/sensitivity",
        "`sensitivity` is said of a data set under `suite/datasets`",
    ),
    "unknown own data set": ({"suite/datasets": [], "dataset": "motif"}, "dataset/name", "Did you mean 'motifs'?"),
    "own teacher": (
        {"suite/pairs": [], "teacher": {"preset": "gin-2-8", "epochs": 0}, "student": "gin-2-8"},
        "teacher/epochs",
        "`epochs >= 1` must hold, but got 0.",
    ),
    "own student": (
        {"suite/pairs": [], "teacher": "gin-2-8", "student": {"preset": "gin-2-8", "widht": 3}},
        "student/widht",
        "Unknown key.",
    ),
    "data set twice": ({"dataset": "motifs"}, "dataset", "Data sets stand under `suite/datasets`"),
    "teacher twice": ({"teacher": "gin-2-8"}, "teacher", "Pairs stand under `suite/pairs`"),
    "duplicate row": ({"suite/methods": ["acgkd", "gfkd", "gfkd"]}, "suite/methods/2", "Duplicate label 'gfkd'."),
    "duplicate data set": ({"suite/datasets": ["motifs", "motifs"]}, "suite/datasets/1", "Duplicate label 'motifs'."),
    "unknown budget": ({"suite/budgets": ["half"]}, "suite/budgets/0", "must be one of own, equal_seconds"),
    "unknown reference": ({"suite/reference": "acgk"}, "suite/reference", "No row of this suite is called 'acgk'."),
    "control as reference": ({"suite/reference": "real_data"}, "suite/reference", "`real_data` is a control"),
    "labelled reference": (
        {"suite/methods": ["gfkd", {"name": "acgkd", "label": "ours"}], "suite/reference": "ours"},
        "suite/reference",
        "A reference goes by its method's name",
    ),
    "labelled first": (
        {"suite/methods": [{"name": "acgkd", "label": "ours"}, "gfkd"]},
        "suite/methods/0",
        "'ours' would be the reference on 'motifs'",
    ),
    "joint reference": (
        {"suite/methods": ["dfad_gnn", "gfkd"], "suite/budgets": "equal_seconds"},
        "suite/methods/0",
        "teaches its student in the same stage",
    ),
    "controls alone": ({"suite/methods": ["random_graphs"]}, "suite/datasets/0", "needs a method of graphs"),
    "pair of no data set": (
        {"suite/pairs": [GOOD["suite"]["pairs"][0], LENET]},
        "suite/pairs/1",
        "Every pair is run on some data set",
    ),
    "data set without a pair": ({"suite/datasets": ["motifs", "digits"]}, "suite/datasets/1", "needs a pair of images"),
    "method of no data set": (
        {"suite/methods": ["acgkd", "rdskd"]},
        "suite/methods/1",
        "Every row is run on some data set, but 'rdskd' on none",
    ),
    "nothing perturbed": (
        {"suite/datasets": [{"name": "motifs", "sensitivity": {"draws": 0, "one_at_a_time": False}}]},
        "suite/datasets/0/sensitivity",
        "Sensitivity has `draws`, or settings `one_at_a_time`",
    ),
    "no seed to perturb on": (
        {"suite/datasets": [{"name": "motifs", "sensitivity": {"seeds": []}}]},
        "suite/datasets/0/sensitivity/seeds",
        "At least one seed is needed",
    ),
    "one name for two sweeps": (
        {
            "suite/datasets": ["motifs", {"name": "motifs", "label": "others"}],
            "suite/pairs": [{**GOOD["suite"]["pairs"][0], "sweep": "mine"}],
        },
        "suite/pairs/0/sweep",
        "`sweep` names one sweep, but 'gin-2-8-gin-2-8' is run on several data sets",
    ),
    "empty exclusion": ({"suite/exclude": [{}]}, "suite/exclude/0", "An exclusion names some of"),
    "unknown exclusion": (
        {"suite/exclude": [{"methods": ["gfdk"]}]},
        "suite/exclude/0/methods",
        "No row of this suite is called 'gfdk'.",
    ),
    "row of no data set": (
        {"suite/methods": ["acgkd", {"name": "gfkd", "datasets": "mutag"}]},
        "suite/methods/1/datasets",
        "No data set of this suite is called 'mutag'.",
    ),
    "settings of no row": (
        {"suite/datasets": [{"name": "motifs", "methods": {"gfkdd": {}}}]},
        "suite/datasets/0/methods/gfkdd",
        "No row of this suite is called 'gfkdd'.",
    ),
    "calibrated no row": (
        {"suite/calibrated": {"motifs": {"gfkdd": 3}}},
        "suite/calibrated/motifs/gfkdd",
        "No row of this suite is called 'gfkdd'.",
    ),
    "calibrated to nothing": (
        {"suite/calibrated": {"motifs": {"gfkd": 0}}},
        "suite/calibrated/motifs/gfkd",
        "`gfkd >= 1` must hold, but got 0.",
    ),
    "set the method": (
        {"suite/datasets": [{"name": "motifs", "overrides": {"method/name": "gfkd"}}]},
        "suite/datasets/0/overrides",
        "not of `method`; `suite/methods` does",
    ),
    "setting of a method": (
        {"suite/methods": ["acgkd", {"name": "gfkd", "synthesis": {"stps": 3}}]},
        "suite/methods/1/synthesis/stps",
        "Did you mean 'steps'?",
    ),
    "value of a set": (
        {"suite/datasets": [{"name": "motifs", "overrides": {"teacher/epochs": 0}}]},
        "suite/datasets/0/overrides/teacher/epochs",
        "`epochs >= 1` must hold, but got 0.",
    ),
    "taught no time": (
        {"suite/methods": [{"name": "acgkd", "teachings": 0}]},
        "suite/methods/0/teachings",
        "`teachings >= 1` must hold, but got 0.",
    ),
    "taught no time on a set": (
        {"suite/datasets": [{"name": "motifs", "teachings": 0}]},
        "suite/datasets/0/teachings",
        "`teachings >= 1` must hold, but got 0.",
    ),
    "taught half a time": ({"suite/teachings": 1.5}, "suite/teachings", "1.5"),
    "own data set, taught again": (
        {"suite/datasets": [], "dataset": {"name": "motifs", "teachings": 2}},
        "dataset/teachings",
        "`teachings` is said of a data set under `suite/datasets`",
    ),
    "a search that is taught again": (
        {"suite/methods": ["acgkd", {"name": "gfkd", "label": "a search", "space": "gfkd_default", "teachings": 2}]},
        "suite/methods/1",
        "Trials of a search (`space`) teach once",
    ),
    "draws said twice": (
        {"suite/methods": [{"name": "acgkd", "transfer": {"draw": 3}, "teachings": 2}]},
        "suite/methods/0",
        "counts draws from 0 on, but 'acgkd' has `transfer/draw: 3`",
    ),
    "a label like that of a teaching": (
        {"suite/methods": [{"name": "acgkd", "teachings": 2}, {"name": "gfkd", "label": "acgkd (teaching 2)"}]},
        "suite/methods/1",
        "Duplicate label 'acgkd (teaching 2)'.",
    ),
    "no seeds": ({"replicates/seeds": []}, "replicates/seeds", "At least one seed is needed"),
    "a long name": ({"name": "a" * 95}, "suite/datasets/0", "A sweep's name has at most 100 letters"),
    "names alike": (
        {"suite/datasets": ["motifs", {"name": "motifs", "label": "b c"}, {"name": "motifs", "label": "b_c"}]},
        "suite/datasets/1",
        "Two sweeps would be called 'laws-b_c-gin-2-8-gin-2-8'.",
    ),
}


def changed(changes: dict[str, Any]) -> dict[str, Any]:
    suite = copy.deepcopy(GOOD)
    for path, value in changes.items():
        *parents, leaf = path.split("/")
        node = suite
        for parent in parents:
            node = node[parent]
        node[leaf] = value
    return suite


@pytest.mark.parametrize("case", CASES)
def test_it_is_refused_with_the_same_sentence_from_a_file(
    case: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    changes, path, part = CASES[case]
    suite = changed(changes)
    with pytest.raises(SpecError) as refused:
        load_suite(suite)
    found = {fault.path: fault.message for fault in refused.value.faults}
    assert part in found.get(path, ""), found
    file = tmp_path / "laws.yaml"
    file.write_text(yaml.safe_dump(suite, sort_keys=False))
    assert main(["check", str(file)]) == 2
    said = "".join(capsys.readouterr().err.split())  # without breaks of lines
    for message in found.values():
        assert "".join(message.split()) in said
    assert "Nothingwasstarted." in said


def test_nothing_is_started_or_written_of_a_suite_with_a_fault(tmp_path: Path) -> None:
    file = tmp_path / "laws.yaml"
    file.write_text(yaml.safe_dump(changed(CASES["a long name"][0])))
    assert main(["run", str(file), "--in-process", "--out", str(tmp_path / "out")]) == 2
    assert not (tmp_path / "out").exists()


def test_all_faults_come_at_once_in_the_order_of_the_file(tmp_path: Path) -> None:
    file = tmp_path / "laws.yaml"
    suite = changed({"suite/methods": ["acgkd", "gfk"], "suite/reference": "nobody", "space": "acgkd_core"})
    file.write_text(yaml.safe_dump(suite, sort_keys=False))
    with pytest.raises(SpecError) as refused:
        load_suite(file)
    assert [fault.path for fault in refused.value.faults] == ["suite/methods/1/name", "suite/reference", "space"]
    lines = [fault.line for fault in refused.value.faults]
    text = file.read_text().splitlines()
    assert "gfk" in text[(lines[0] or 0) - 1]
    assert "nobody" in text[(lines[1] or 0) - 1]


def test_a_fault_of_one_sweep_alone_names_it() -> None:
    suite = changed({"suite/methods": ["rdskd", "noise"], "suite/pairs": [LENET]})
    suite["suite"]["datasets"] = [{"name": "digits", "options": {"size": 32}}, {"name": "digits", "label": "small"}]
    with pytest.raises(SpecError) as refused:
        load_suite(suite)
    found = {fault.path: fault.message for fault in refused.value.faults}
    assert found["suite/pairs/0/teacher/preset"].endswith("(In laws-small-lenet5-lenet5-half.)")
    suite["suite"]["datasets"].pop(0)
    with pytest.raises(SpecError) as refused:
        load_suite(suite)
    assert "(In" not in str(refused.value)


def test_a_setting_of_one_data_set_is_faulted_where_it_is_said() -> None:
    suite = changed({"suite/datasets": [{"name": "motifs", "methods": {"gfkd": {"synthesis": {"stps": 1}}}}]})
    with pytest.raises(SpecError) as refused:
        load_suite(suite)
    assert [fault.path for fault in refused.value.faults] == ["suite/datasets/0/methods/gfkd/synthesis/stps"]


def test_seeds_that_are_none_are_said_once_where_settings_are_perturbed_too() -> None:
    suite = changed({"replicates/seeds": 3, "suite/datasets": [{"name": "motifs", "sensitivity": {"draws": 2}}]})
    with pytest.raises(SpecError) as refused:
        load_suite(suite)
    assert [(item.path, item.message) for item in refused.value.faults] == [
        ("replicates/seeds", "This must be a list, but got 3.")
    ]


def test_overrides_take_paths_of_the_suite() -> None:
    texts = load_suite(GOOD, ["suite/budgets=[own, equal_seconds]", "replicates/seeds=[5]"])
    values = load_suite(GOOD, {"suite/budgets": ["own", "equal_seconds"], "replicates/seeds": [5]})
    assert texts.digest == values.digest != load_suite(GOOD).digest
    assert texts.runs == 5
    with pytest.raises(SpecError, match="1 fault"):
        load_suite(GOOD, ["suite/budgets=[fast]"])


STEADY = """
from acgkd.config import Config
from acgkd.method import Method, MethodConfig

class Filters(Config):
    rate: float = 0.1

class Settings(MethodConfig):
    synthesis: Filters = Filters()

METHOD = Method(config=Settings, modality="graphs", start=lambda config, context: None)
"""


def test_steps_that_a_method_has_not_are_missed_before_anything_is_timed(tmp_path: Path) -> None:
    from acgkd import plugins

    (tmp_path / "steady.py").write_text(STEADY)
    suite = changed({"suite/methods": ["acgkd", "steady"], "suite/budgets": ["own", "equal_seconds"]})
    suite["plugins"] = [str(tmp_path / "steady.py")]
    try:
        with pytest.raises(SpecError) as refused:
            load_suite(suite, trust_code=True)
        assert [fault.path for fault in refused.value.faults] == ["suite/methods/1"]
        assert "`steady` has no setting `steps`. Give the row `budgets: own`." in refused.value.faults[0].message
        suite["suite"]["methods"][1] = {"name": "steady", "budgets": "own"}
        assert load_suite(suite, trust_code=True).runs == 4
    finally:
        plugins.activate(())


# ---- what it comes to


def rows(suite: dict[str, Any]) -> dict[str, list[str]]:
    return {member.name: [row.label for row in member.rows] for member in load_suite(suite).members}


def test_the_second_budget_is_said_in_the_label_and_controls_have_one_row() -> None:
    both = changed({"suite/budgets": ["own", "equal_seconds"]})
    assert rows(both) == {
        "laws-motifs-gin-2-8-gin-2-8": ["acgkd", "gfkd", "gfkd (equal seconds)", "random_graphs", "real_data"]
    }
    turned = changed({"suite/budgets": ["equal_seconds", "own"]})
    assert "gfkd (own budget)" in rows(turned)["laws-motifs-gin-2-8-gin-2-8"]


def test_data_sets_go_with_pairs_and_methods_of_their_kind() -> None:
    suite = changed({"suite/methods": ["acgkd", "rdskd", "noise", "real_data"]})
    suite["suite"]["datasets"] = ["motifs", {"name": "digits", "options": {"size": 32}}]
    suite["suite"]["pairs"] += [LENET]
    assert rows(suite) == {
        "laws-motifs-gin-2-8-gin-2-8": ["acgkd", "real_data"],
        "laws-digits-lenet5-lenet5-half": ["rdskd", "noise", "real_data"],
    }


def test_exclusions_hold_where_all_that_they_name_does() -> None:
    suite = changed(
        {"suite/datasets": ["motifs", {"name": "motifs", "label": "b"}], "suite/methods": ["acgkd", "gfkd"]}
    )
    suite["suite"]["exclude"] = [{"methods": "gfkd", "datasets": "b"}]
    assert list(rows(suite).values()) == [["acgkd", "gfkd"], ["acgkd"]]
    suite["suite"]["reference"] = "gfkd"
    with pytest.raises(SpecError, match="1 fault"):  # without its reference, nothing is run on `b`
        load_suite(suite)


def test_controls_are_excluded_by_the_budget_that_they_have() -> None:
    suite = changed({"suite/budgets": ["equal_seconds", "own"], "suite/methods": ["acgkd", "gfkd", "real_data"]})
    suite["suite"]["exclude"] = [{"methods": ["gfkd", "real_data"], "budgets": "equal_seconds"}]
    assert list(rows(suite).values()) == [["acgkd", "gfkd (own budget)", "real_data"]]


def test_methods_have_their_own_defaults_and_controls_the_settings_of_the_reference() -> None:
    suite = changed(
        {
            "suite/methods": [
                {"name": "acgkd", "synthesis": {"graphs": 24, "steps": 7}, "transfer": {"steps": 9}},
                "gfkd",
                {"name": "gfkd", "label": "taught alike", "transfer": "reference"},
                "random_graphs",
            ]
        }
    )
    spec = load_suite(suite).members[0].spec()
    own, alike, control = (spec.control_config(label).method for label in ("gfkd", "taught alike", "random_graphs"))
    assert (own.synthesis, own.transfer) == ({}, {})
    assert (alike.synthesis, alike.transfer) == ({}, {"steps": 9})
    assert (control.synthesis, control.transfer) == ({"graphs": 24}, {"steps": 9})


def test_settings_of_a_data_set_are_laid_over_those_of_the_row() -> None:
    suite = changed({"suite/methods": [{"name": "acgkd", "synthesis": {"graphs": 24, "steps": 7}}, "gfkd"]})
    suite["suite"]["datasets"] = [
        {"name": "motifs", "overrides": {"replicates/seeds": [3]}, "methods": {"acgkd": {"synthesis": {"steps": 5}}}}
    ]
    suite["suite"]["pairs"][0]["overrides"] = {"teacher/epochs": 4}
    spec = load_suite(suite).members[0].spec()
    assert spec.method.synthesis == {"graphs": 24, "steps": 5}
    assert spec.replicates.seeds == (3,)
    assert spec.teacher.epochs == 4


def test_an_empty_mapping_of_a_data_set_changes_nothing_of_a_row() -> None:
    said = {"complexity": {"mode": "ratio", "ratio": 0.3}, "steps": 7}
    suite = changed({"suite/methods": [{"name": "acgkd", "synthesis": said}, "gfkd"]})
    suite["suite"]["datasets"] = [{"name": "motifs", "methods": {"acgkd": {"synthesis": {"complexity": {}}}}}]
    assert load_suite(suite).members[0].spec().method.synthesis == said


def test_a_suite_of_one_pair_may_use_the_sections_of_a_sweep() -> None:
    suite = {"name": "one", "dataset": "motifs", "teacher": "gin-2-8", "student": "gin-2-8"}
    assert rows({**suite, "suite": {"methods": ["acgkd", "gfkd"]}}) == {"one-motifs-gin-2-8-gin-2-8": ["acgkd", "gfkd"]}


def test_a_method_without_draws_is_taught_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """As a plug-in's may be, whose settings of transfer are its own."""
    monkeypatch.setattr(suite_laws, "knows_draws", lambda name: name != "gfkd")
    with pytest.raises(SpecError) as refused:
        load_suite(changed({"suite/methods": ["acgkd", "gfkd"], "suite/teachings": 2}))
    (fault,) = refused.value.faults
    assert fault.path == "suite/methods/1"
    assert "by `transfer/draw`, which `gfkd` has not. Give the row `teachings: 1`." in fault.message
