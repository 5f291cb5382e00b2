"""The command line: what it loads, prints, writes and returns."""

import inspect
import json
import os
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import optuna
import pandas as pd
import pytest
import typer

from acgkd import __version__, load_student
from acgkd.errors import DataError, DivergedError, FolderError, FolderInUseError, RayLostError, RecordError, SweepError
from acgkd.exit_codes import MEANINGS
from analysis.records import pseudo_samples
from analysis.records.record import Record
from sweeps.cli import app
from sweeps.cli.app import main
from sweeps.cli.commands import run as run_command
from sweeps.cli.outcome import selection
from sweeps.engine.snapshot import Summary
from sweeps.executors.inprocess import InProcess
from sweeps.executors.ray.executor import Ray
from sweeps.store.folder import SweepFolder
from sweeps.store.trial import Attempt, Trial

HOME = Path(__file__).resolve().parents[2]
SPEC = """\
dataset: {name: motifs, options: {graphs: 60}}
teacher: {preset: gin-2-8, epochs: 1}
student: gin-2-4
method: {name: acgkd, synthesis: {graphs: 6, steps: 2}, transfer: {steps: 2, batch_size: 4}}
space: smoke
budget: {trials: 3}
"""


@pytest.fixture
def spec(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    path = tmp_path / "tiny.yaml"
    path.write_text(SPEC)
    return path


@pytest.fixture
def executor(monkeypatch):
    """Stands in for both executors: notes how it was called and answers with a summary."""
    calls = []
    answer = {"interrupted": False, "nothing_to_do": False, "counts": {"completed": 3}}

    def noted(spec, folder, executor, **options):
        calls.append({"spec": spec, "folder": folder, "executor": executor, **options})
        return Summary(folder=folder, trials_started=3, **answer)

    monkeypatch.setattr("sweeps.executors.base.run_sweep", noted)
    monkeypatch.setattr(run_command, "finish", lambda folder, summary, identity: None)
    calls.append(answer)
    return calls


def python(code: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(HOME), "COLUMNS": "100"}
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment)


LATER = (
    "why",
    "retry",
    "fork",
    "compare",
    "confirm",
    "reproduce",
    "pack",
    "unpack",
    "merge",
    "submit",
    "logs",
    "slurm",
    "stop",
)
HEAVY = "{'torch', 'ray', 'optuna', 'pandas'}"


@pytest.mark.parametrize("arguments", [["--help"], ["run", "--help"], ["--version"], ["list"]])
def test_looking_around_loads_nothing_heavy(arguments):
    done = python(f"import sys; from sweeps.cli.app import main; main({arguments}); print({HEAVY} & {{*sys.modules}})")
    assert done.returncode == 0
    assert done.stdout.splitlines()[-1] == "set()"


@pytest.mark.parametrize(
    "command",
    [
        "init",
        "run",
        "check",
        "status",
        "distill",
        "report",
        "list",
        "doctor",
        "cache",
        "export-study",
        "dashboard",
        *LATER,
    ],
)
def test_every_command_has_a_paragraph_and_examples(command, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")
    assert main([command, "--help"]) == 0
    text = capsys.readouterr().out
    examples = text[text.index("Examples:") :].splitlines()[1:]
    assert [line for line in examples if line.strip().startswith(f"acgkd {command}")]
    about = text[: text.index("╭")].split(command, 1)[1]
    assert len(about.split()) > 30
    said = inspect.getdoc(typer.main.get_command(app.app).commands[command].callback)
    assert " ".join(said.split()) in " ".join(about.split())  # brackets are no markup
    assert max(map(len, text.splitlines())) <= 100


def test_help_documents_the_exit_codes(capsys):
    assert main(["--help"]) == 0
    text = " ".join(capsys.readouterr().out.split())
    for code, meaning in MEANINGS.items():
        assert f"{code:d} {meaning}" in text
    assert [int(code) for code in MEANINGS] == [0, 1, 2, 73, 75, 130]


def test_the_guide_has_the_same_exit_codes():
    guide = (HOME / "docs" / "how-to" / "when-things-go-wrong.md").read_text()
    for code, meaning in MEANINGS.items():
        assert f"| {code:d} | {meaning} |" in guide


def test_version(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"acgkd {__version__}\n"


@pytest.mark.parametrize("arguments", [["runn"], ["run"], ["run", "--nonsense"], ["run", "x.yaml", "--trials", "many"]])
def test_bad_usage_is_bad_input(arguments, capsys):
    assert main(arguments) == 2
    assert "Error" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (DataError("no data"), 2),
        (SweepError("not possible"), 1),
        (RayLostError("gone"), 75),
        (FolderError("of another sweep"), 2),
        (FolderInUseError("at work"), 73),
        (DivergedError("far away"), 1),
        (RecordError("too new"), 1),
        (KeyboardInterrupt(), 130),
    ],
)
def test_errors_become_exit_codes(error, code, monkeypatch, capsys):
    def fail(**_):
        raise error

    monkeypatch.setattr(app, "app", fail)
    assert main([]) == code
    assert str(error) in capsys.readouterr().err


def test_errors_are_not_read_as_markup(monkeypatch, capsys):
    def fail(**_):
        raise SweepError("`[0, 1]` and [bold] stay as they are")

    monkeypatch.setattr(app, "app", fail)
    main([])
    assert "`[0, 1]` and [bold] stay as they are" in capsys.readouterr().err


# ---- run


def test_run_hands_over_spec_folder_and_command(spec, executor):
    assert main(["run", str(spec), "--trials", "7", "--set", "sampler/seed=3", "--in-process"]) == 0
    call = executor[-1]
    assert call["executor"] == InProcess()
    assert call["folder"] == Path("runs/tiny")
    assert call["spec"].budget.trials == 7
    assert call["spec"].sampler.seed == 3
    assert "trials: 7" in call["spec_text"]
    assert callable(call["watch"])


def test_run_keeps_the_text_of_the_file_as_it_is(spec, executor, tmp_path):
    assert main(["run", str(spec), "--out", str(tmp_path / "there"), "--address", "auto"]) == 0
    call = executor[-1]
    assert (call["spec_text"], call["executor"]) == (SPEC, Ray("auto"))
    assert call["folder"] == tmp_path / "there"


def test_run_says_when_nothing_is_left(spec, executor, capsys):
    executor[0]["nothing_to_do"] = True
    assert main(["run", str(spec)]) == 0
    assert "Nothing is left to do" in capsys.readouterr().out


def test_run_says_that_it_was_stopped(spec, executor, capsys):
    executor[0]["interrupted"] = True
    assert main(["run", str(spec)]) == 130
    assert "the same command resumes" in capsys.readouterr().err


def test_in_process_takes_no_address(spec, executor, capsys):
    assert main(["run", str(spec), "--in-process", "--address", "auto"]) == 2
    assert len(executor) == 1


@pytest.mark.usefixtures("whole_reports")
def test_a_whole_sweep_ends_with_its_table_and_report(spec, capsys):
    arguments = ["run", str(spec), "--in-process", "--set", "sampler=random", "--trials", "2"]
    assert main(arguments) == 0
    written = capsys.readouterr()
    assert "tiny: starting" in written.err
    assert re.search(r"trial [01] +1/1 +[01]\.\d{3} ", written.out)
    assert "random_graphs" in written.out
    assert "majority class" in written.out
    assert max(map(len, written.out.splitlines())) <= 100
    report = Path("runs/tiny/report/report.html")
    assert written.out.splitlines()[-1] == f"Report: {report}"
    assert report.stat().st_size > 10_000
    student = re.search(r"^Student: (\S+) ", written.out, re.M)
    assert student is not None
    assert str(load_student(student[1])).startswith("ProjectedStudent")
    assert main(["why", "runs/tiny", "0"]) == 0
    assert "Pseudo-samples: the teacher gives" in " ".join(capsys.readouterr().out.split())
    assert main(arguments) == 0
    assert "Nothing is left to do" in capsys.readouterr().out
    assert main([*arguments, "--set", "sampler/seed=1"]) == 2
    assert "sampler/seed: 0 is now 1" in capsys.readouterr().err


def test_students_and_syntheses_that_stand_out_are_named(spec, capsys):
    arguments = ["run", str(spec), "--in-process", "--set", "sampler=random", "--trials", "1"]
    assert main(arguments) == 0
    (path,) = Path("runs/tiny/records").glob("trial-*.json")
    record = json.loads(path.read_text())
    (control,) = Path("runs/tiny/records").glob("control-random_graphs-*.json")
    record_of_control = json.loads(control.read_text())
    record_of_control["quality"]["predicted_classes"] = 1
    control.write_text(json.dumps(record_of_control))
    bad = {"predicted_classes": 1, "test_accuracy": 0.1, "teacher_test_accuracy": 0.9, "hit_rate_lowest": 0.2}
    bad |= {"hit_rate_at_most": 0.3, "statistics_distance": 2.5}
    path.write_text(json.dumps({**record, "quality": {**record["quality"], **bad}}))
    capsys.readouterr()
    assert main(["status", "runs/tiny"]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "students 1 below the bound, 1 collapsed, 1 stuck" in shown
    assert re.search(r"students of controls random_graphs: [^;]*1 collapsed", shown)
    assert main(["status", "runs/tiny", "--json"]) == 0
    status = json.loads(capsys.readouterr().out)
    assert status["remarks"] == {"below the bound": 1, "collapsed": 1, "stuck": 1}
    assert status["control_remarks"]["random_graphs"]["collapsed"] == 1
    assert main(["why", "runs/tiny", "0"]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "collapsed, below the bound, stuck" in shown
    assert "The synthesis is stuck: the teacher gives 0.20 of one class's pseudo-samples" in shown
    assert main(arguments) == 0
    shown = capsys.readouterr().out
    assert re.search(r"^trial 0 .* chosen, 1 collapsed *$", shown, re.M)
    assert re.search(r"^random_graphs .* 1 collapsed *$", shown, re.M)
    shown = " ".join(shown.split())
    assert "Replicates of controls with a collapsed student: `random_graphs` (1)." in shown
    for what in ("collapsed student (one class predicted)", "student below the bound", "synthesis that was stuck"):
        assert f"1 complete trial with a {what} in at least one replicate." in shown


def test_a_sweep_whose_trials_all_fail_is_a_failure(spec, monkeypatch, capsys):
    from acgkd.run.experiment import Experiment

    def broken(*_, **__):
        raise ValueError("broken on purpose")

    monkeypatch.setattr(Experiment, "start", broken)
    overrides = ["sampler=random", "controls=[]", "budget/trials=1"]
    assert main(["run", str(spec), "--in-process", *(part for item in overrides for part in ("--set", item))]) == 1
    assert "1 of 1 trials failed; `acgkd status runs/tiny` tells why." in capsys.readouterr().err
    assert main(["status", "runs/tiny"]) == 0
    assert "broken on purpose" in capsys.readouterr().out


@pytest.mark.parametrize(("faults", "code"), [(["none", "bug"], 1), (["diverge"], 1)])
def test_a_failed_trial_is_something_to_look_at_and_so_is_none_that_completed(faults, code, lab, tmp_path, monkeypatch):
    space = {"method/transfer/fault": {"type": "categorical", "choices": faults}}
    made = lab.make_spec(trials=9, seeds=(0,), space=space, sampler={"name": "grid"})
    monkeypatch.syspath_prepend(Path(__file__).parent)
    for place, name, value in import_module("drive_cli").stand_ins(made):
        monkeypatch.setattr(place, name, value)
    assert main(["run", __file__, "--in-process", "--out", str(tmp_path / "sweep")]) == code


# ---- check


def test_check_tells_what_would_run_in_a_hundred_columns(spec, capsys):
    assert main(["check", str(spec)]) == 0
    text = capsys.readouterr().out
    assert "motifs: gin-2-8 → gin-2-4 by acgkd" in text
    assert "3 trials of 1 replicate; tpe" in text
    assert "transfer/rate: 0.001 to 0.03, log" in text
    assert max(map(len, text.splitlines()[:-1])) <= 100  # the last one ends with a path
    assert list(spec.parent.iterdir()) == [spec]


def test_check_says_which_parameters_are_not_always_asked_for(spec, capsys):
    assert main(["check", str(spec), "--set", "space=acgkd_default"]) == 0
    lines = [line.strip() for line in capsys.readouterr().out.splitlines()]
    assert "transfer/temperature/high: 4 to 20, log (conditional)" in lines
    assert "synthesis/rate: 0.05 to 1, log" in lines


def test_faults_are_reported_with_places_that_editors_can_jump_to(spec, capsys):
    spec.write_text(SPEC.replace("trials: 3", "trial: 3").replace("smoke", "smok"))
    assert main(["check", str(spec)]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == f"Error: {spec} has 2 faults. Nothing was started."
    assert lines[1] == f"{spec}:5  space"
    assert f"{spec}:6  budget/trial" in lines[3:]


# ---- distill


def test_distil_once(spec, capsys):
    assert main(["distill", str(spec), "--seed", "1", "--set", "method.transfer.steps=3", "--json"]) == 0
    row = json.loads(capsys.readouterr().out)
    for key in ("test_accuracy", "teacher_test_accuracy", "majority_accuracy"):
        assert 0 <= row[key] <= 1
    assert (row["seed"], row["outcome"], row["transfer_steps"]) == (1, "completed", 3)
    assert row["setting/method/transfer/steps"] == 3
    folder = Path("runs/tiny-distill")
    assert json.loads((folder / "record-1.json").read_text()) == row
    assert set(json.loads((folder / "curves-1.json").read_text())) == {"synthesis", "transfer"}

    import acgkd

    assert acgkd.load_student(folder / "student-1.pt") is not None
    assert not list(folder.glob("samples*"))
    changes = ["--set", "method.transfer.steps=3", "--set", "artefacts/samples=2"]
    assert main(["distill", str(spec), "--seed", "1", *changes]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert re.search(r"teacher test accuracy 0\.\d{3}", shown)
    assert re.search(r"Pseudo-samples: the teacher gives [01]\.\d\d of a class the class asked for", shown)
    assert 0 <= row["hit_rate_lowest"] <= row["hit_rate"] <= 1
    assert len(row["hit_rates"].split(",")) == 2
    kept = pseudo_samples.read(folder / "samples-1.npz")
    assert kept is not None
    assert kept.label.tolist() == [0, 0, 1, 1]
    assert (folder / "samples-1.png").read_bytes()[:4] == b"\x89PNG"


def test_a_diverged_run_is_a_record_and_a_failure(spec, capsys):
    assert main(["distill", str(spec), "--set", "method/transfer/rate=1e30", "--json"]) == 1
    row = json.loads(capsys.readouterr().out)
    assert row["outcome"] == "diverged"
    assert row["test_accuracy"] is None
    assert "must stay finite" in row["message"]


# ---- the rest


def test_list_names_all_and_says_what_they_are(capsys):
    assert main(["list", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert set(found) == {"methods", "models", "datasets", "spaces", "reports", "trackers", "specs"}
    assert "acgkd" in found["methods"]
    assert "motifs" in found["datasets"]
    assert "sweep" in found["reports"]
    assert all(line and line[0].isupper() for group in found.values() for line in group.values())
    assert main(["list", "spaces"]) == 0
    assert "acgkd_core" in capsys.readouterr().out
    assert main(["list", "space"]) == 2
    assert "Did you mean 'spaces'?" in capsys.readouterr().err


def test_doctor_looks_and_leaves_nothing_behind(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("ACGKD_DATA", str(tmp_path / "nowhere"))
    assert main(["doctor", "--folder", str(tmp_path), "--json"]) == 1
    found = {(row["what"], row["state"]): row["text"] for row in json.loads(capsys.readouterr().out)}
    assert "nowhere" in found["data", "bad"]
    monkeypatch.setenv("ACGKD_DATA", str(tmp_path))
    assert main(["doctor", "--folder", str(tmp_path)]) == 0
    text = capsys.readouterr().out
    for words in ("locks hold", "replaced in one move", "the first wins", "GiB free", "Python 3."):
        assert words in text
    assert list(tmp_path.iterdir()) == []
    assert main(["doctor", "--folder", str(tmp_path / "nowhere")]) == 1


def test_doctor_names_what_python_would_import_in_place_of_ours_and_no_script(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("ACGKD_DATA", str(tmp_path))
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "acgkd").write_text("#!/bin/sh\n")  # as `.venv/bin/acgkd`, which cannot be imported
    assert main(["doctor", "--folder", str(tmp_path), "--json"]) == 0
    assert "comes first" not in capsys.readouterr().out
    (tmp_path / "analysis.py").touch()
    assert main(["doctor", "--folder", str(tmp_path), "--json"]) == 0
    assert f"{tmp_path / 'analysis.py'} has the name of a package of ours" in capsys.readouterr().out


@pytest.fixture
def folder(tmp_path):
    made = SweepFolder(tmp_path / "sweep")
    made.make()
    objectives = [{"name": "agreement", "direction": "maximize", "uses_real_data": False}]
    facts = {"name": "tiny", "objectives": objectives, "spec": {"budget": {"trials": 5, "hours": None}}}
    made.sweep.write_text(json.dumps(facts))
    distribution = optuna.distributions.distribution_to_json(optuna.distributions.FloatDistribution(0.0, 1.0))
    for number in range(2):
        made.write_trial(
            Trial(
                number=number,
                state="completed" if number == 0 else "failed",
                parameters={"method/transfer/rate": 0.5},
                distributions={"method/transfer/rate": distribution},
                values=(0.5,) if number == 0 else None,
                message="" if number == 0 else "ValueError: broken",
            )
        )
    return made.path


def test_status_reads_a_folder(folder, capsys):
    assert main(["status", str(folder), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["trials"] == {"completed": 1, "failed": 1}
    assert (found["name"], found["budget_trials"], found["driver_alive"]) == ("tiny", 5, False)
    assert main(["status", str(folder)]) == 0
    text = capsys.readouterr().out
    assert "1 completed, 1 failed" in text
    assert "1 x  ValueError: broken" in text
    assert f"More: acgkd why {folder} 1" in " ".join(text.split())


def test_status_and_why_show_cpu_time_and_a_shared_machine(folder, capsys):
    made, printed = SweepFolder(folder), []
    done = Attempt(replicate=0, attempt=0, generation=1, outcome="completed", progress=1.0)
    made.write_trial(made.read_trials()[0].model_copy(update={"attempts": (done,)}))
    for seconds, cpu_s in ((163.0, 102.0), (163.0, None)):
        who = {"sweep": "tiny", "kind": "trial", "trial": 0, "label": "trial 0", "replicate": 0, "seed": 0, "vary": []}
        record = Record(
            identity={**who, "fingerprint": "0" * 16, "method": "acgkd", "teacher": "gin-2-8"},
            outcome="completed",
            cost={"synthesis_s": seconds - 60, "transfer_s": 60.0, "cpu_s": cpu_s},
            environment={"device": "cpu"},
        )
        made.record_file("trial-0000", 0).write_text(record.model_dump_json())
        for command in (["status", str(folder)], ["why", str(folder), "0"]):
            assert main(command) == 0
            printed.append(" ".join(capsys.readouterr().out.split()))
    assert "163 s in completed replicates, 102 s of CPU time" in printed[0]
    assert "trial 0, replicate 0 (163 s for 102 s of CPU time). The machine was shared" in printed[0]
    assert "163 s of synthesis + transfer, 102 s of CPU time: the machine was shared" in printed[1]
    assert not any("CPU time" in text for text in printed[2:]), "as earlier versions wrote records"


@pytest.mark.parametrize(
    ("chosen", "front", "legend"),
    [
        (
            [True, False],
            [True, True],
            "Chosen by the objectives alone: trial 3. Front: no trial is better in all of them.",
        ),
        ([True, False], [True, False], "Chosen by the objectives alone: trial 3."),
        ([False, False], [False, True], "Front: no trial is better in all of them."),
        ([False, False], [False, False], ""),
    ],
)
def test_the_legend_explains_the_marks_of_its_table(chosen, front, legend):
    table = pd.DataFrame({"label": ["trial 3", "trial 4"], "chosen": chosen, "on_front": front})
    assert selection(table) == legend


@pytest.mark.parametrize("arguments", [["status"], ["export-study", "{}", "sqlite://"], ["report"]])
def test_what_is_no_sweep_folder_is_bad_input(arguments, tmp_path, capsys):
    nowhere = str(tmp_path / "nowhere")
    full = [nowhere if argument == "{}" else argument for argument in arguments]
    assert main(full if nowhere in full else [*full, nowhere]) == 2
    assert "nowhere" in capsys.readouterr().err.replace("\n", "")


def test_a_report_of_any_other_folder_is_bad_input(tmp_path, capsys):
    (tmp_path / "thesis").mkdir()
    assert main(["report", str(tmp_path / "thesis"), "--out", str(tmp_path / "report")]) == 2
    assert "A sweep folder holds `sweep.json`" in capsys.readouterr().err.replace("\n", " ")
    assert not (tmp_path / "report").exists()


def test_a_study_is_copied_for_optuna(folder, tmp_path, capsys):
    url = f"sqlite:///{tmp_path / 'study.db'}"
    assert main(["export-study", str(folder), url]) == 0
    assert "2 trials copied" in capsys.readouterr().out
    study = optuna.load_study(study_name="tiny", storage=url)
    assert [trial.state.name for trial in study.trials] == ["COMPLETE", "FAIL"]
    assert main(["export-study", str(folder), url]) == 0  # the copy is brought up to date
    assert len(study.trials) == 2
