"""`acgkd slurm`: what stands in batch scripts, and what is refused. `test_slurm.py` submits them."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from sweeps.cli.app import main
from sweeps.launching import slurm as batch
from tests.slurm import installed

SPEC = Path(__file__).parents[1] / "cases" / "tiny.yaml"
FORMS = {
    "nodes": ["--nodes", "3", "--cpus-per-node", "2", "--gpus-per-node", "1", "--mem", "8G", "--time", "1:00:00"],
    "whole nodes": ["--nodes", "2", "--partition", "long", "--account", "me"],
    "a node that is a cluster": ["--cpus-per-node", "2"],
    "elastic": [
        "--elastic",
        "--nodes",
        "8",
        "--cpus-per-node",
        "2",
        "--partition",
        "long",
        "--nodes-partition",
        "spot",
    ],
    "one node": ["--one-node", "--cpus-per-node", "4"],
    "in process": ["--one-node", "--in-process", "--set", "budget/trials=3", "--trials", "5"],
}


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["acgkd", "slurm", "tiny.yaml"])


def written(*options: str, name: str = "job.sh") -> dict[str, str]:
    assert main(["slurm", str(SPEC), *options, "-o", name]) == 0
    return {path.name: path.read_text() for path in sorted(Path().glob("*.sh"))}


@pytest.mark.parametrize("form", FORMS)
def test_every_script_is_one_that_a_shell_can_read(form: str) -> None:
    for name, text in written(*FORMS[form]).items():
        subprocess.run(["bash", "-n", name], check=True)
        assert "{{" not in text
        assert "{%" not in text
        assert "ray stop" not in re.sub("Never `ray stop`", "", text)
        assert f"source {sys.prefix}/bin/activate" in text
        assert f"cd {os.getcwd()} " in text
        assert all(line.startswith("#") for line in text.split("#SBATCH --requeue")[0].splitlines())


@pytest.mark.cluster
def test_shellcheck_finds_nothing() -> None:
    missing = installed("shellcheck")
    if missing:
        pytest.skip(missing)
    for number, options in enumerate(FORMS.values()):
        written(*options, name=f"{number}.sh")
    done = subprocess.run(["shellcheck", *map(str, Path().glob("*.sh"))], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def directives(text: str) -> list[str]:
    return re.findall(r"^#SBATCH (.*)$", text, re.M)


def test_what_is_asked_of_slurm() -> None:
    found = directives(written(*FORMS["nodes"])["job.sh"])
    expected = ["--nodes=3", "--ntasks-per-node=1", "--cpus-per-task=2", "--gpus-per-node=1", "--mem=8G"]
    assert {*expected, "--time=1:00:00", "--signal=B:TERM@120", "--requeue", "--open-mode=append"} <= set(found)
    assert "--exclusive" not in found
    found = directives(written(*FORMS["whole nodes"])["job.sh"])
    assert {"--exclusive", "--partition=long", "--account=me"} <= set(found)


def test_the_elastic_form_has_a_small_head_and_an_array_elsewhere() -> None:
    made = written(*FORMS["elastic"])
    head, nodes = directives(made["job.sh"]), directives(made["job-nodes.sh"])
    assert {"--cpus-per-task=1", "--partition=long"} <= set(head)
    assert {"--cpus-per-task=2", "--partition=spot", "--array=0-99%8", "--requeue"} <= set(nodes)
    assert "--num-cpus=0" in made["job.sh"]
    assert 'sbatch --dependency=after:"$head" job-nodes.sh' in made["job.sh"]


def test_a_script_on_standard_output_runs_what_was_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["slurm", str(SPEC), *FORMS["in process"], "--out", "with space/tiny"]) == 0
    text = capsys.readouterr().out
    line = next(line for line in text.splitlines() if line.startswith("acgkd run"))
    folder = f"'{os.getcwd()}/with space/tiny'"
    assert line == f"acgkd run {SPEC} --out {folder} --set budget/trials=3 --set budget/trials=5 --in-process &"


def test_of_a_sweep_on_an_object_store_the_nodes_meet_in_a_folder() -> None:
    made = written(*FORMS["elastic"], "--out", "s3://bucket/tiny")
    assert "folder=s3://bucket/tiny " in made["job.sh"]
    assert all(f"launch={os.getcwd()}/tiny-launch" in text for text in made.values())


def test_what_submits_them_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    made = written(*FORMS["elastic"], name="a b.sh")
    lines = ["head=$(sbatch --parsable 'a b.sh')", """sbatch --dependency=after:"$head" 'a b-nodes.sh'"""]
    assert capsys.readouterr().err.splitlines() == [
        "Written: a b.sh, a b-nodes.sh. To submit:",
        *(f"  {line}" for line in lines),
    ]
    assert all(f"#   {lines[0]}\n#   {lines[1]}\n" in text for text in made.values())
    written(*FORMS["one node"], name="one.sh")
    assert capsys.readouterr().err == "Written: one.sh. To submit:\n  sbatch one.sh\n"


def test_in_a_conda_environment_that_one_is_activated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "conda" / "envs" / "mine" / "conda-meta").mkdir(parents=True)
    (tmp_path / "conda" / "condabin").mkdir()
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "conda" / "envs" / "mine"))
    assert f"source {tmp_path}/conda/bin/activate {tmp_path}/conda/envs/mine" in batch.environment()
    monkeypatch.setattr(sys, "prefix", "/usr")
    assert batch.environment() == ["export PATH=/usr/bin:$PATH"]


def test_limits_of_time_that_slurm_takes_are_taken() -> None:
    for limit in ("10", "30:00", "4:00:00", "1-0", "2-12:30", "1-00:00:01", "0", "UNLIMITED"):
        assert f"#SBATCH --time={limit}\n" in written("--time", limit)["job.sh"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--elastic"], "needs -o FILE"),
        (["--elastic", "--one-node", "-o", "x.sh"], "neither --one-node"),
        (["--in-process"], "add --one-node"),
        (["--one-node", "--nodes", "2"], "--nodes says 2"),
        (["--time", "1:00:00\n#SBATCH --exclusive"], "must be one word"),
        (["--time", "nonsense"], "`--time` is a limit as Slurm takes it"),
        (["--time", "4:00"], "Slurm reads 4:00 as 4 minutes. Four hours are `4:00:00`"),
        (["--time", "0-0:1"], "as 1 minutes"),
        (["--mem", ""], "`--mem` must be one word"),
        (["--nodes-partition", "spot"], "--nodes-partition is where the nodes of --elastic come from"),
        (["-o", "x\ntouch y.sh"], "must be one line"),
        (["--out", "memory://x"], "creates an object only if there is none"),
        (["--set", "resources/cpu=8", "--cpus-per-node", "4"], "must fit into a node, but takes 8 CPU and 0 GPU"),
        (["--set", "resources/gpu=1", "--set", "device=cuda"], "Raise `--cpus-per-node` or `--gpus-per-node`"),
        (["--set", "budget/trials=0"], "budget/trials"),
        (["-o", "nowhere/x.sh"], "nowhere/x.sh must be writable"),
    ],
)
def test_what_makes_no_sense_is_refused(options: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["slurm", str(SPEC), *options]) == 2
    shown = capsys.readouterr().err
    assert said in " ".join(re.sub("[│╭╮╰╯─]", " ", shown).split())
    assert not list(Path().glob("*.sh"))


SUITE = """
replicates: {seeds: [0]}
resources: {cpu: 2}
dataset: motifs
teacher: gin-2-8
student: gin-2-8
suite: {methods: [acgkd, gfkd]}
"""


def test_a_suite_is_run_by_the_same_script(capsys: pytest.CaptureFixture[str]) -> None:
    Path("methods.yaml").write_text(SUITE)
    assert main(["slurm", "methods.yaml", "--nodes", "2", "--cpus-per-node", "4", "-o", "job.sh"]) == 0
    text = Path("job.sh").read_text()
    assert f"spec={os.getcwd()}/methods.yaml" in text
    assert f"folder={os.getcwd()}/runs/methods " in text
    assert "acgkd run" in text
    assert main(["slurm", "methods.yaml", "--cpus-per-node", "1"]) == 2
    assert "but takes 2 CPU" in " ".join(capsys.readouterr().err.split())
    assert main(["slurm", "methods.yaml", "--out", "s3://bucket/methods"]) == 2
    assert "needs a folder on a filesystem" in " ".join(capsys.readouterr().err.split())


def test_a_folder_in_which_nodes_meet_is_no_obstacle_to_a_suite() -> None:
    from sweeps.suites.suite_folder import SuiteFolder

    Path("suite/launch").mkdir(parents=True)  # the script makes it before the driver starts
    SuiteFolder(Path("suite")).make()
    assert Path("suite/sweeps").is_dir()
