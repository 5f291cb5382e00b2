"""The benchmarks on methods: they run, stop, resume from packed records alone, and write their pages."""

import json
import math
import shutil
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pandas as pd
import pytest

from acgkd.methods import parse_method
from sweeps.executors import inprocess
from sweeps.interchange import packed_records
from tests.image_scripts import imported

pytestmark = pytest.mark.usefixtures("data_at_hand")

ROOT = Path(__file__).resolve().parents[2]
TINY = """
dataset: {name: motifs, options: {graphs: 40}}
teacher: {preset: gin-2-8, epochs: 1}
student: gin-2-4
method: {name: acgkd, synthesis: {graphs: 6, steps: 2}, transfer: {steps: 2, batch_size: 4}}
replicates: {seeds: [100, 101]}
controls:
  - {name: acgkd, label: acgkd (mlp), synthesis: {steps: 2, graphs: 6, structure: mlp}} # calibrated
  - {name: deepinv_graphs, label: gfkd, synthesis: {steps: 2, graphs: 6}, transfer: {steps: 2}} # calibrated
  - {name: dfad_gnn, synthesis: {hidden: [8]}, transfer: {steps: 2, batch_size: 4}} # calibrated
  - random_graphs
  - real_data
"""


@pytest.fixture(scope="module")
def scripts(tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    """The scripts, and a cache so that each teacher and pool is made once."""
    scripts = imported("comparison", "_calibration", "graph_methods", "ablation", "tuned")
    scripts.cache = tmp_path_factory.mktemp("cache")
    return scripts


@pytest.fixture
def methods(scripts: SimpleNamespace, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ModuleType:
    """The benchmark of methods on two pairs of a data set in memory."""
    module: ModuleType = scripts.graph_methods
    (tmp_path / "specs").mkdir()
    (tmp_path / "specs" / "motifs.yaml").write_text(TINY)
    gin = ("gin-2-8", "gin-2-4")
    pairs = (module.Pair(*gin, 2), module.Pair("gcn-2-8", "gcn-2-4", 1, ("dfad_gnn", "real_data")))
    monkeypatch.setattr(module, "DATASETS", {"motifs": pairs})
    monkeypatch.setattr(module, "GIN", gin)
    return module


def place_in(scripts: SimpleNamespace, folder: Path) -> SimpleNamespace:
    made: SimpleNamespace = scripts.comparison.Place(folder / "home", folder / "records.parquet", folder / "page.md")
    made.home.mkdir(parents=True)
    (made.home / "cache").symlink_to(scripts.cache)
    return made


def test_a_benchmark_runs_resumes_from_its_records_and_writes_its_page(
    scripts: SimpleNamespace, methods: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    specs = methods.specs(["motifs"], tmp_path / "specs")
    assert [len(spec.replicates.seeds) for spec in specs] == [2, 1]
    assert [len(spec.controls) for spec in specs] == [5, 3]
    here = place_in(scripts, tmp_path / "one")
    assert scripts.comparison.run(specs[:1], here)
    assert {path.name for path in here.home.iterdir()} == {"cache", specs[0].name}

    there = place_in(scripts, tmp_path / "clone")  # a fresh clone: the packed records, and nothing else
    shutil.copy(here.records, tmp_path / "clone.parquet")
    shutil.move(tmp_path / "clone.parquet", there.records)
    assert scripts.comparison.run(specs, there)
    before, after = packed_records.read(here.records), packed_records.read(there.records)
    name = specs[0].name
    mine = {file: text for file, text in after[name].files.items() if file.startswith("records/")}
    assert mine == {file: text for file, text in before[name].files.items() if file.startswith("records/")}
    assert not list((there.home / name).glob("students/*"))
    assert set(after) == {spec.name for spec in specs}

    methods.report(["motifs"], there, tmp_path / "specs", tmp_path / "none.json")
    page = there.page.read_text()
    for row in (
        "| acgkd | *reduced* | 2 of 2 |", "| acgkd (mlp) | *reduced* | 2 of 2 |", "| majority class |  | 2 |",
        "| acgkd | *reduced* | 1 of 1 |", "| gfkd | **best**, *reduced* | 2 of 2 |",
    ):  # fmt: skip
        assert row in page
    assert "`gcn-2-8` → `gcn-2-4`" in page
    assert "at its defaults but for `synthesis/graphs` 6, `synthesis/steps` 2, `transfer/steps` 2" in page
    assert page.count("| dfad_gnn | not published, *reduced* | 2 of 2 |") == 1, "of other widths than the port's"
    assert " (joint) |" in page
    assert sum(page.count(f": {verdict}; ") for verdict in ("met", "missed", "not decided")) == 3 + 2 * 3
    for secret in (str(ROOT), str(tmp_path), "/root/"):
        assert secret not in page
        assert not any(secret in text for pack in after.values() for text in pack.files.values())
    only = place_in(scripts, tmp_path / "report")
    shutil.copy(there.records, only.records)
    methods.report(["motifs"], only, tmp_path / "specs", tmp_path / "none.json")
    assert only.page.read_text() == page


def test_what_a_spec_says_anew_is_run_anew_and_the_rest_is_kept(
    scripts: SimpleNamespace, methods: ModuleType, tmp_path: Path
) -> None:
    path = tmp_path / "specs" / "motifs.yaml"
    place = place_in(scripts, tmp_path / "one")
    scripts.comparison.run(methods.specs(["motifs"], path.parent)[1:], place)
    before = packed_records.read(place.records)
    path.write_text(TINY.replace("label: gfkd, synthesis: {steps: 2", "label: gfkd, synthesis: {steps: 3"))
    specs = methods.specs(["motifs"], path.parent)[1:]
    assert len(scripts.comparison.records(specs, place)) == 4, "one of five no longer holds"
    scripts.comparison.run(specs, place)
    after = packed_records.read(place.records)
    name = specs[0].name
    changed = {file for file, text in after[name].files.items() if text != before[name].files.get(file)}
    assert {file for file in changed if file.startswith("records/")} == {"records/control-gfkd-00.json"}


def test_a_stop_is_clean_and_the_same_command_resumes(
    scripts: SimpleNamespace, methods: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    specs = methods.specs(["motifs"], tmp_path / "specs")[1:]
    place = place_in(scripts, tmp_path / "one")
    assert not scripts.comparison.run(specs, place, hours=1e-6)
    assert scripts.comparison.run(specs, place)
    monkeypatch.setattr(inprocess, "runner_for", None)
    assert scripts.comparison.run(specs, place), "nothing is left to do"


def test_calibration_gives_everybody_the_same_seconds(
    scripts: SimpleNamespace, methods: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calibration = scripts.calibration
    paces = {
        "acgkd": calibration.Pace("synthesis", 0.02, 0.02, 0.02, 0.01),
        "slow": calibration.Pace("synthesis", 0.05, 0.05, 0.05),
        "game": calibration.Pace("joint", 0.1, 0.1, 0.1),
        "neither": calibration.Pace("transfer", 0.1, 0.1, 0.1),
    }
    assert calibration.steps_of(paces, "acgkd", 300, 400) == {"slow": 120, "game": 100}
    path = tmp_path / "specs" / "motifs.yaml"
    assert calibration.written(path) == {"acgkd (mlp)": 2, "gfkd": 2, "dfad_gnn": 2}
    calibration.rewrite(path, {"gfkd": 70, "dfad_gnn": 8})
    assert calibration.written(path) == {"acgkd (mlp)": 2, "gfkd": 70, "dfad_gnn": 8}
    changed = [line for line in path.read_text().splitlines() if line not in TINY.splitlines()]
    assert [line.count("steps: 2") for line in changed] == [1, 0]  # its transfer stays
    monkeypatch.setattr(calibration, "TIMED_S", 0.01)
    methods.calibrate(["motifs"], path.parent, tmp_path / "calibration.json", rounds=2)
    record = json.loads((tmp_path / "calibration.json").read_text())
    found = record["datasets"]["motifs"]["methods"]
    assert {label: entry["stage"] for label, entry in found.items()} == {
        "acgkd": "synthesis", "acgkd (mlp)": "synthesis", "gfkd": "synthesis", "dfad_gnn": "joint",
    }  # fmt: skip
    assert methods.uncalibrated(["motifs"], path.parent, tmp_path / "calibration.json") == []
    assert all(entry["lowest_s"] <= entry["step_s"] <= entry["highest_s"] for entry in found.values())
    assert calibration.written(path) == {label: entry["steps"] for label, entry in found.items() if label != "acgkd"}


def test_shipped_steps_are_those_of_the_recorded_calibration(scripts: SimpleNamespace, tmp_path: Path) -> None:
    module = scripts.graph_methods
    assert set(scripts.calibration.read(module.CALIBRATION)) == set(module.DATASETS)
    assert module.uncalibrated(list(module.DATASETS)) == []
    assert module.uncalibrated(["mutag"], record=tmp_path / "none.json") == ["mutag"]


def test_the_ablation_looks_at_validation_splits_alone(scripts: SimpleNamespace, tmp_path: Path) -> None:
    specs = tmp_path / "specs"
    specs.mkdir()
    controls = '\n  - {name: acgkd, label: "samples: fixed", transfer: {samples: fixed, steps: 2, batch_size: 4}}'
    for name in ("ablation-motifs", "confirmation-motifs"):
        text = f"name: {name}\n{TINY.partition('controls:')[0]}controls:{controls}\n"
        (specs / f"{name}.yaml").write_text(text)
    names = scripts.ablation.sweeps_in(specs)
    assert names == ["ablation-motifs", "confirmation-motifs"]
    place = place_in(scripts, tmp_path / "one")
    assert scripts.comparison.run(scripts.ablation.specs(names, specs), place)
    scripts.ablation.report(names, place, specs)
    page = place.page.read_text()
    assert page.count("| samples: fixed | 2 of 2 |") == 2
    assert page.index("## Once more, on fresh seeds") > page.index("## Divergence as a multiple")
    assert "motifs, `gin-2-8` → `gin-2-4`, seeds 100 to 101" in page
    assert "test accuracy" not in page
    assert page.count("The rule is met by: ") == 2
    (specs / "ablation-motifs.yaml").write_text(TINY.replace("[100, 101]", "[99, 101]"))
    with pytest.raises(SystemExit, match="kept for results"):
        scripts.ablation.specs(names, specs)


def test_the_ablation_weighs_every_set_alike_in_logs(scripts: SimpleNamespace) -> None:
    halved, doubled = (math.log(0.5), 0.3), (math.log(2.0), 0.4)
    assert scripts.ablation._together([halved, doubled]) == pytest.approx((0.0, 0.25))
    assert scripts.ablation._together([]) is None
    assert scripts.ablation._ratio(halved) == "0.50 (0.27 to 0.91)"
    rows = pd.DataFrame(
        {
            "label": ["acgkd", "acgkd", "plain", "plain", "plain"],
            "outcome": ["completed"] * 4 + ["failed"],
            "seed": [100, 101, 100, 101, 102],
            "validation_divergence": [0.2, 0.1, 0.4, 0.05, 9.0],
        }
    )
    result = SimpleNamespace(rows=rows, spec=SimpleNamespace(method=SimpleNamespace(name="acgkd")))
    assert scripts.ablation._log_ratio(result, "plain") == pytest.approx((0.0, math.log(2.0)))
    assert scripts.ablation._log_ratio(result, "not there") is None


def test_tuned_settings_come_from_validation_and_run_on_fresh_seeds(
    scripts: SimpleNamespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tuned, specs = scripts.tuned, tmp_path / "specs"
    specs.mkdir()
    control = "\n  - {name: deepinv_graphs, synthesis: {steps: 2, graphs: 6}, transfer: {steps: 2, batch_size: 4}}"
    plain = TINY.partition("controls:")[0].replace("[100, 101]", "[101]")
    (specs / "tuned.yaml").write_text(plain + f"controls:{control}\n")
    search = TINY.partition("controls:")[0].replace("[100, 101]", "[100]")
    search += (
        "space: smoke\nobjectives: [{name: validation_divergence, floor: null}]\nbudget: {trials: 2}\ncontrols: []\n"
    )
    (specs / "tuned-search.yaml").write_text(search)
    monkeypatch.setattr(tuned, "space_of", lambda method: "smoke")
    place = place_in(scripts, tmp_path / "one")
    asked = tuned.searches("motifs", specs)
    assert [spec.method.name for spec in asked.values()] == ["acgkd", "deepinv_graphs"]
    assert tuned.choose("acgkd", asked["acgkd"], place) is None
    assert tuned.run(["motifs"], place, workers=1, hours=None, folder=specs)
    choice = tuned.choose("acgkd", asked["acgkd"], place)
    found = {
        record.identity.trial: record.objectives["validation_divergence"]
        for record in scripts.comparison.records([asked["acgkd"]], place)
        if record.identity.kind == "trial"
    }
    assert len(found) == 2
    assert found[choice.trial] == min(found.values()) == choice.value
    spec = tuned.evaluation("motifs", [choice], specs)
    settings = spec.control_config("acgkd (tuned)").method
    assert settings.transfer["rate"] == choice.parameters["method/transfer/rate"]
    assert settings.transfer["steps"] == 2
    tuned.report(["motifs"], place, specs)
    page = place.page.read_text()
    assert all(page.count(f"| {name} (tuned) | *reduced* | 1 of 1 |") == 1 for name in ("acgkd", "deepinv_graphs"))
    assert "seeds 100. Results: seeds 101." in page


def test_only_takes_known_names(scripts: SimpleNamespace) -> None:
    assert scripts.comparison.chosen(["a", "b"], "") == ["a", "b"]
    assert scripts.comparison.chosen(["a", "b"], "b") == ["b"]
    with pytest.raises(SystemExit, match="but got c"):
        scripts.comparison.chosen(["a", "b"], "a,c")


def test_the_specs_write_out_the_defaults_that_controls_are_to_share(scripts: SimpleNamespace) -> None:
    for name in scripts.graph_methods.DATASETS:
        spec = scripts.comparison.read_spec(ROOT / "specs" / "benchmarks" / f"{name}.yaml")
        _, written = parse_method(spec.method)
        _, default = parse_method(spec.method.model_copy(update={"transfer": {}}))
        assert written.transfer == default.transfer, f"{name}.yaml says something else than ACGKD's defaults are now"


def test_an_option_becomes_a_default_by_the_rule_alone(scripts: SimpleNamespace) -> None:
    def change(log: float, points: float = 0.0, **more: object) -> SimpleNamespace:
        spreads = more.get("spreads", [(log, 0.1), (log, 0.1)])
        made: SimpleNamespace = scripts.ablation._Change("x", spreads, [points, 1.0], more.get("option", True))
        return made

    assert change(-0.2).gains()
    assert not change(-0.2).costs()
    assert not change(-0.1).gains()  # within twice the standard error of both columns together, 0.141
    assert not change(-0.2, points=-1.5).gains()
    assert not change(-0.2, option=False).gains()
    assert not change(-0.2, spreads=[(-0.2, 0.01), None]).gains()
    assert not change(-0.2, spreads=[(-0.2, math.nan)]).gains()
    assert change(0.2).costs()
    assert not change(0.1).costs()
