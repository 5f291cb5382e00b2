"""The front door of specs: files and mappings go through the same checks, and each thing is looked at once."""

import pickle
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import yaml
from pydantic import TypeAdapter

from acgkd.config import TeacherConfig
from acgkd.errors import SpecError
from acgkd.methods import METHODS
from sweeps.cli.commands.check import print_summary
from sweeps.spec import inspection, loading, sweep_spec
from sweeps.spec.advisories import notes
from sweeps.spec.loading import load
from sweeps.spec.raw import SHORT_LISTS, SHORT_SECTIONS
from sweeps.spec.sweep_spec import SweepSpec
from sweeps.worker.experiments import AcgkdExperiments

BAD = Path(__file__).resolve().parents[1] / "bad_specs"
PLAIN = {
    "name": "mine",
    "dataset": "motifs",
    "teacher": "gin-5-64",
    "student": "gin-3-32",
    "method": {"name": "acgkd", "transfer": {"steps": 7}},
    "space": {
        "method/transfer/rate": {"type": "float", "low": 0.01, "high": 0.1},
        "method/synthesis/steps": {"type": "int", "low": 2, "high": 6},
        "method/synthesis/confidence": {
            "type": "float",
            "low": 0.7,
            "high": 0.9,
            "when": {"method/synthesis/steps": 4},
        },
    },
    "budget": {"trials": 3},
    "controls": ["random_graphs", {"name": "acgkd", "label": "own", "transfer": {"rate": 0.5}}],
}


@pytest.fixture
def write(tmp_path):
    def write_(tree):
        path = tmp_path / "mine.yaml"
        path.write_text(yaml.safe_dump(tree, sort_keys=False))
        return path

    return write_


def faults(*arguments, **options):
    with pytest.raises(SpecError) as caught:
        load(*arguments, **options)
    return [(fault.path, fault.message) for fault in caught.value.faults]


def test_a_mapping_says_what_a_file_says(write):
    spec = load(PLAIN)
    assert spec == load(write(PLAIN)) == load(str(write(PLAIN)))
    assert spec.fingerprint() == load(write(PLAIN)).fingerprint()
    assert SweepSpec.model_validate_json(spec.model_dump_json()) == spec
    assert pickle.loads(pickle.dumps(spec)) == spec


def test_python_values_are_taken_as_plain_ones(tmp_path):
    spec = load(
        {
            **PLAIN,
            "teacher": TeacherConfig(preset="gin-5-64", epochs=5),
            "replicates": {"seeds": (np.int64(3), 4)},
            "timeout_s": np.float64(2.5),
        }
    )
    assert spec == load(
        {**PLAIN, "teacher": {"preset": "gin-5-64", "epochs": 5}, "replicates": {"seeds": [3, 4]}, "timeout_s": 2.5}
    )
    assert type(spec.replicates.seeds[0]) is int


def test_overrides_come_as_texts_or_as_a_mapping(write):
    texts = ["budget/trials=9", "replicates.seeds=[3, 4]", "space/method/transfer/rate/low=1e-2", "sampler=random"]
    values = {
        "budget/trials": 9,
        "replicates.seeds": np.array([3, 4]),
        "space/method/transfer/rate/low": 1e-2,
        "sampler": "random",
    }
    assert load(PLAIN, texts) == load(PLAIN, values) == load(write(PLAIN), texts) == load(write(PLAIN), values)
    new = {"type": "int", "low": 2, "high": 9}
    assert load(PLAIN, {"space/method/transfer/batch_size": new}).space["method/transfer/batch_size"].high == 9
    assert faults(PLAIN, {"budget/trials": {1, 2}})[0][0] == "budget/trials"
    assert "`budget/trials/x`" in faults(PLAIN, {"budget/trials/x": 3})[0][1]


# What a mapping cannot say, or PyYAML reads as something else; and what lies beside the file that names it.
OF_FILES = (
    "alias", "anchor", "merge", "duplicate", "zeros", "underscores", "infinite", "tag", "time", "yes_for", "scientific",
    "number_as_text", "digits", "too_deep", "comma", "split_file", "checkpoint", "data_not",
)  # fmt: skip


def mappings():
    """The bad specs that a mapping can say too."""
    for path in sorted(BAD.glob("*.yaml")):
        try:
            tree = yaml.safe_load(path.read_text())
        except yaml.YAMLError:
            continue
        if isinstance(tree, dict) and not any(word in path.stem for word in OF_FILES):
            yield pytest.param(path, tree, id=path.stem)


@pytest.mark.parametrize(("path", "tree"), list(mappings()))
def test_the_same_mistake_gets_the_same_sentence(path, tree, monkeypatch):
    monkeypatch.chdir(BAD)  # where what they name is looked for
    assert sorted(faults({"name": path.stem, **tree})) == sorted(faults(path))


@pytest.mark.parametrize(
    ("path", "text", "value", "says"),
    [
        ("replicates/seeds", "[1e3]", [1e3], "This must be a whole number, but got 1000.0; write 1000."),
        (
            "replicates/seeds",
            "['3']",
            ["3"],
            "This must be a whole number, but got the text '3'; leave the quotes out.",
        ),
        ("replicates/seeds", "['1_000']", ["1_000"], "This must be a whole number, but got '1_000'."),
        ("replicates/seeds", "['017']", ["017"], "This must be a whole number, but got '017'."),
        ("replicates/seeds", "[0x10]", ["0x10"], "This must be a whole number, but got '0x10'."),
        ("replicates/seeds", "[.inf]", [float("inf")], "Numbers must be finite, but got .inf."),
        ("budget/hours", "-.INF", -float("inf"), "Numbers must be finite, but got -.inf."),
        ("budget/hours", "'nan'", "nan", "This must be a number, but got 'nan'."),
        ("dataset/fractions", "[.nan, 0.1, 0.3]", [float("nan"), 0.1, 0.3], "Numbers must be finite, but got .nan."),
        ("name", '"a\\e[31m"', "a\x1b[31m", "Text must be printable, but `\\x1b` is a control character."),
        ("dataset/split_file", '"\\ud800"', "\ud800", "Text must be Unicode, but `\\ud800` is half a character."),
        ("dataset/split_file", "~nobody-of-this-name/f", "~nobody-of-this-name/f", "~nobody-of-this-name/f."),
        ("dataset/split_file", "f" * 5000, "f" * 5000, "There is no file "),
        ("dataset/root", "f" * 5000, "f" * 5000, "There is no folder "),
        ("teacher/checkpoint", "f" * 5000, "f" * 5000, "There is no file "),
        ("space", "[a]", ["a"], "This must be a mapping (`key: value`), but got a list."),
        ("space/method/transfer/rate", "{type: null}", {"type": None}, "float, int, categorical, but got nothing."),
        ("space/method/transfer/rate", "{type: [int]}", {"type": ["int"]}, "float, int, categorical, but got a list."),
    ],
)
def test_odd_values_get_one_sentence_in_an_override_and_in_python(path, text, value, says):
    tree = {**PLAIN, "dataset": {"name": "motifs"}, "teacher": {"preset": "gin-5-64"}}
    in_python = faults(tree, {path: value})
    by_text = faults(tree, [f"{path}={text}"])
    assert any(says in message for _, message in in_python)
    said = [(place, message.removeprefix(f"`--set {path}={text}`: ")) for place, message in by_text]
    assert [message.replace("-.INF", "-.inf") for _, message in said] == [message for _, message in in_python]


def test_faults_of_a_mapping_come_in_its_order_and_without_lines():
    with pytest.raises(SpecError) as caught:
        load({"budget": {"trial": 1}, **{**PLAIN, "budget": {"trial": 1}}, "studnet": 3, "timeout_s": float("nan")})
    assert str(caught.value).startswith("the mapping: 3 faults\n  budget/trial: Unknown key. Did you mean 'trials'?")
    assert [fault.path for fault in caught.value.faults] == ["budget/trial", "studnet", "timeout_s"]


def test_a_mapping_without_a_name_is_asked_for_one():
    assert faults({key: value for key, value in PLAIN.items() if key != "name"}) == [
        ("name", "This must be given. Names the default folder, `runs/<name>`; the file's name if left out.")
    ]


def test_short_forms_are_those_of_the_sections():
    fields = SweepSpec.model_fields
    for section, config in SHORT_SECTIONS.items():
        assert config in (fields[section].annotation, *getattr(fields[section].annotation, "__args__", ()))
    for section, config in SHORT_LISTS.items():
        assert fields[section].annotation.__args__[0] is config
    words = {name for name, field in fields.items() if hasattr(field.annotation, "word")}
    assert words <= set(SHORT_SECTIONS)


def test_each_thing_is_looked_at_once(monkeypatch, write):
    counts = Counter()
    surveyed, filled, validated = inspection.survey, loading.defaults, TypeAdapter.validate_python

    def counted(name, function):
        def call(*arguments, **options):
            counts[name] += 1
            return function(*arguments, **options)

        return call

    def read(self, data, **options):
        counts["sections"] += 1
        return validated(self, data, **options)

    config, settings = METHODS["acgkd"].config, []
    parse = config.model_validate
    monkeypatch.setattr(inspection, "survey", counted("surveys", surveyed))
    monkeypatch.setattr(loading, "defaults", counted("defaults", filled))
    monkeypatch.setattr(sweep_spec, "defaults", counted("defaults", filled))
    monkeypatch.setattr(TypeAdapter, "validate_python", read)
    monkeypatch.setattr(
        config, "model_validate", lambda data, **options: (settings.append(repr(data)), parse(data, **options))[1]
    )
    spec = load(write(PLAIN))
    print_summary(spec)
    assert notes(spec)
    assert not AcgkdExperiments.of(spec).share_synthesis
    assert counts["surveys"] == 1
    assert counts["defaults"] == 1
    assert counts["sections"] == len({*PLAIN, "objectives", "replicates"})
    assert len(settings) == len(set(settings)) > 10


@pytest.mark.parametrize(
    ("budget", "text"),
    [
        ({"hours": 1}, "trials of 1 replicate, at most 1 hour;"),
        ({"trials": 1, "hours": 1.0}, "1 trial of 1 replicate, at most 1 hour;"),
        ({"trials": 24, "hours": 1.5}, "24 trials of 1 replicate, at most 1.5 hours;"),
    ],
)
def test_a_summary_counts_hours_as_people_do(budget, text, capsys):
    print_summary(load(PLAIN, {"budget": budget}))
    assert text in capsys.readouterr().out


def test_a_summary_shows_values_as_they_are_written(capsys):
    space = {
        "method/synthesis/graphs_at_once": {"type": "categorical", "choices": [None, 4]},
        "method/transfer/temperature/value": {"type": "float", "low": 1.1234567, "high": 2.1234567, "step": 1e-7},
        "method/transfer/steps": {"type": "int", "low": 2, "high": 123456789},
    }
    control = {"name": "acgkd", "label": "own", "synthesis": {"graphs_at_once": None}}
    print_summary(load(PLAIN, {"space": space, "controls": [control]}))
    shown = " ".join(capsys.readouterr().out.split())
    for text in (
        "null, 4",
        "1.1234567 to 2.1234567 in steps of 1e-7",
        "2 to 123456789",
        "synthesis/graphs_at_once=null",
    ):
        assert text in shown
