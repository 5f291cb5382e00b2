"""An edit that leaves size and second of a file alone is run as it is, whatever bytecode Python has kept."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from acgkd import plugins
from acgkd.plugins.plugin_places import Entry, Place
from acgkd.teachers.user_code import function_of
from sweeps.spaces import SPACES

TEXT = "def suggest(trial):\n    return '{word}'\n"


def written(path: Path, text: str) -> None:
    """A file of one and the same second, with the bytecode that an earlier import left."""
    path.write_text(text)
    os.utime(path, (1_700_000_000, 1_700_000_000))


def kept(path: Path) -> None:
    """What Python keeps of a file that it imports."""
    subprocess.run([sys.executable, "-m", "py_compile", str(path)], check=True)
    assert list(path.parent.glob(f"__pycache__/{path.stem}.*.pyc"))


@pytest.fixture
def edited(tmp_path: Path) -> Path:
    """A folder with a module and a helper beside it, both edited since their bytecode was kept."""
    for name, text in (
        ("mine_edited", "from {dot}_word_edited import WORD\n\n" + TEXT),
        ("_word_edited", "WORD = '{word}'\n"),
    ):
        path = tmp_path / f"{name}.py"
        for word in ("first", "other"):
            written(path, text.format(word=word, dot=""))
            if word == "first":
                kept(path)
    return tmp_path


def test_a_plugin_of_one_file(edited: Path) -> None:
    path = edited / "alone.py"
    written(path, TEXT.format(word="first"))
    kept(path)
    written(path, TEXT.format(word="other"))
    plugins.use_plugins(path)
    try:
        assert SPACES["alone"](None) == "other"
    finally:
        plugins.use_plugins()


def test_a_folder_of_plugins_and_what_they_import(edited: Path) -> None:
    path = edited / "mine_edited.py"
    written(path, "from ._word_edited import WORD\n\ndef suggest(trial):\n    return WORD\n")
    place = Place(edited, {item.name: item.read_bytes() for item in edited.glob("*.py")})
    assert Entry("spaces", "mine_edited", place).load()(None) == "other"


def test_a_function_that_a_spec_names_and_what_it_imports(edited: Path) -> None:
    found = function_of("mine_edited:suggest", [edited])
    assert found(None) == "other"
    assert found.__globals__["WORD"] == "other"
