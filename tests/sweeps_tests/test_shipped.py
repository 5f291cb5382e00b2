"""Shipped specs by name, and `acgkd init`, which writes copies of them to edit."""

import json
import re
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from acgkd.errors import UnknownNameError
from sweeps import shipped
from sweeps.cli.app import main
from sweeps.spec import schema
from sweeps.spec.loading import load
from sweeps.suites.spec import suite_schema
from sweeps.suites.suite_loading import load_suite

pytestmark = pytest.mark.usefixtures("data_at_hand")

HOME = Path(__file__).resolve().parents[2]
SUITES = ("cross-architecture", "graph-methods", "image-methods", "image-methods-published", "suite-small")
NAMES = tuple(sorted(("cifar10", "digits", "mnist", "mutag", "quickstart", *SUITES)))


@pytest.fixture(autouse=True)
def _empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.delitem(sys.modules, "my_teacher", raising=False)


def test_names_are_those_of_the_files_in_specs():
    assert shipped.names() == NAMES
    assert shipped.find("mutag") == HOME / "specs" / "mutag.yaml"


def test_the_wheel_s_own_copy_comes_first(tmp_path, monkeypatch):
    (tmp_path / "packed.yaml").write_text("# schema\n#\n# What it\n# does.\n#\n# More.\n\nname: packed\n")
    monkeypatch.setattr(shipped, "_IN_WHEEL", tmp_path)
    assert shipped.names() == ("packed",)
    assert shipped.summary("packed") == "What it does."


@pytest.mark.parametrize("name", NAMES)
def test_each_says_in_one_line_what_it_is(name):
    assert 20 < len(shipped.summary(name)) < 140


@pytest.mark.parametrize("command", ["check", "run", "distill"])
def test_an_unknown_name_is_one_clear_sentence(command, capsys):
    assert main([command, "quikstart"]) == 2
    said = " ".join(capsys.readouterr().err.split())
    assert said == (
        "Error: There is no file and no shipped spec 'quikstart'. Did you mean 'quickstart'? "
        f"Shipped: {', '.join(NAMES)}."
    )


def test_a_name_is_found_unless_a_file_has_it():
    Path("mutag").mkdir()  # data, perhaps
    assert shipped.locate(Path("mutag")) == shipped.find("mutag")
    Path("quickstart").write_text("name: mine\n")
    assert shipped.locate(Path("quickstart")) == Path("quickstart")
    assert shipped.locate(Path("./cifar10")) == shipped.find("cifar10")


@pytest.mark.parametrize("path", ["quickstart.yaml", "specs/quickstart.yaml"])
def test_the_path_in_a_checkout_leads_to_the_name(path):
    with pytest.raises(UnknownNameError, match="write `quickstart` alone"):
        shipped.locate(Path(path))


@pytest.mark.parametrize("path", ["other.yaml", "specs/benchmarks/mutag.yaml", "no/quickstart", "x" * 300 + ".yaml"])
def test_other_paths_are_left_to_the_reader(path):
    assert shipped.locate(Path(path)) == Path(path)


def test_check_takes_a_name(capsys):
    assert main(["check", "quickstart", "--set", "budget/trials=2"]) == 0
    assert f"{HOME / 'specs' / 'quickstart.yaml'} is valid." in capsys.readouterr().out.replace("\n", "")


def test_list_knows_them(capsys):
    assert main(["list", "specs", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"specs": {name: shipped.summary(name) for name in NAMES}}


@pytest.mark.parametrize("kind", [*NAMES, "own-teacher"])
def test_what_init_writes_passes_check(kind, capsys):
    assert main(["init", kind]) == 0
    text = Path(f"{kind}.yaml").read_text()
    trust = ["--trust-code"] if kind == "own-teacher" else []
    said = capsys.readouterr().out
    assert f"acgkd check {kind}.yaml{' --trust-code' * bool(trust)} " in said
    if kind == "own-teacher":
        assert main(["check", f"{kind}.yaml", *trust]) == 2, "the weights are the user's"
        assert "my_teacher.pt" in capsys.readouterr().err
        save_weights()
        trust += ["--set", "objectives=[multiply_adds]"]  # no reference pool is made
    assert main(["check", f"{kind}.yaml", *trust]) == 0
    assert f"name: {kind}\n" in text
    assert "specs/" not in text
    lead = re.match(r"# yaml-language-server: \$schema=(.*)\n", text)
    assert lead is not None
    of = suite_schema if kind in SUITES else schema
    assert Path(lead[1]) == of.FILE
    jsonschema.validate(yaml.safe_load(text), json.loads(of.FILE.read_text()))


def test_a_suite_to_edit_is_the_smallest_one(capsys):
    assert main(["init", "suite"]) == 0
    assert load_suite("suite-small.yaml").name == "suite-small"


def test_a_copy_is_named_after_its_file_and_says_its_path():
    Path("a b").mkdir()
    assert main(["init", "mutag", "--out", "a b/2 of them.yaml"]) == 0
    text = Path("a b/2 of them.yaml").read_text()
    assert '\nname: "2-of-them"\n' in text
    assert "#   acgkd run 'a b/2 of them.yaml'\n" in text
    assert load(Path("a b/2 of them.yaml")).name == "2-of-them"


@pytest.mark.parametrize("stem", ["no", "1e5", "2024-11-28", "-x", "日本", ".hidden", "a" * 120])
def test_any_file_name_gives_a_name_that_a_spec_may_have(stem):
    assert main(["init", "--out", f"{stem}.yaml"]) == 0
    assert isinstance(load(Path(f"{stem}.yaml")).name, str)


def test_nothing_is_overwritten(capsys):
    Path("my_teacher.py").write_text("mine\n")
    assert main(["init", "own-teacher"]) == 2
    assert "never overwrites a file, but my_teacher.py exists" in " ".join(capsys.readouterr().err.split())
    assert not Path("own-teacher.yaml").exists()
    assert Path("my_teacher.py").read_text() == "mine\n"
    assert main(["init", "--out", "nowhere/mine.yaml"]) == 2
    assert "nowhere/mine.yaml must be writable" in capsys.readouterr().err


def test_an_unknown_kind_gets_the_nearest(capsys):
    assert main(["init", "own-techer"]) == 2
    assert "Did you mean 'own-teacher'?" in capsys.readouterr().err


TINY = ["method/synthesis/graphs=6", "method/synthesis/steps=2", "method/transfer/steps=2"]


def save_weights():
    """Those of a network that nobody trained, as plain torch saves them."""
    import torch

    names: dict[str, Any] = {}
    exec(Path("my_teacher.py").read_text(), names)
    torch.save(names["Network"](10, 2).state_dict(), "my_teacher.pt")


def distil():
    overrides = [argument for change in TINY for argument in ("--set", change)]
    return main(["distill", "own-teacher.yaml", "--trust-code", "--json", *overrides])


@pytest.fixture
def one_thread():
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.slow
@pytest.mark.usefixtures("one_thread")
def test_the_own_teacher_is_trained_on_data_as_its_comments_say(capsys):
    assert main(["init", "own-teacher"]) == 0
    capsys.readouterr()
    path = Path("own-teacher.yaml")
    text = path.read_text().replace(", checkpoint: my_teacher.pt}", ", epochs: 1}")
    path.write_text(re.sub("^prior: .*$", "dataset: {name: motifs, options: {graphs: 60}}", text, flags=re.M))
    assert distil() == 0
    assert json.loads(capsys.readouterr().out)["test_accuracy"] is not None


@pytest.mark.usefixtures("one_thread")
def test_the_own_teacher_is_read_without_data(capsys):
    assert main(["init", "own-teacher"]) == 0
    save_weights()
    capsys.readouterr()
    assert distil() == 0
    read = json.loads(capsys.readouterr().out)
    assert read["test_accuracy"] is None
    assert 0 <= read["agreement"] <= 1
