"""The field's words: terms of our own that the field has a word for are gone from names and prose."""

import re
import subprocess
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).relative_to(ROOT).as_posix()

# What stood here once, and the field's word for it. The changelog keeps what it said of earlier versions.
GONE = {
    r"\bgo(es|ing)? on\b|\bwent on\b|\bgone on\b": "resume, continue",
    r"\b(taken|takes?|took|taking) up( again)?\b": "resume, load",
    r"\b(given|gives?|gave|giving) out\b": "hand out, retry, reschedule",
    r"\btold\b": "reported, warned, known",
    r"\bstands? twice\b|\bmay stand once\b": "duplicate",
    r"\bcounts? for\b": "is used by, is ignored by",
    r"\bheld against a\b": "compared with",
    r"\bno grounds? for\b": "inactive",
    r"\bis right\b": "is valid",
    r"\btaken straight\b": "linearly interpolated",
    r"\b(hangs?|hanging|hung) on\b": "depends on, sensitivity",
    r"\bknobs?\b": "setting, hyper-parameter",
    r"\buntouched\b": "at its defaults, unchanged",
    r"\bfor good\b": "permanently, for ever",
    r"\bmakes? good\b|\bmade good\b": "completes, repairs",
    r"\bspecimens?\b": "pseudo-samples",
    r"\b(champions?|groundwork|laborator(y|ies)|ledgers?|outlooks?)\b": "see the glossary",
    r"\b(Judge|Material|Setting|Book|Session)\b(?=\(|\.|:|\])": "Evaluator, RunData, MethodContext, TrialTable, Driver",
    r"\bNothing\.(NOW|EVER)\b": "NoJob",
}
# Where a word is not ours: names on disk, and streams of random numbers whose names seed them.
ALLOWED = {
    r'\.aside\("specimens"\)',
}
SUFFIXES = {".py", ".md", ".yaml", ".yml", ".html", ".toml", ".sh", ".j2", ".js", ".css", ".txt", ".cfg"}
NAMES = {"Makefile", "Dockerfile", "run"}


def tracked() -> list[Path]:
    try:
        listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("not a git checkout")
    names = [name for name in listed.decode().split("\0") if Path(name).suffix in SUFFIXES or Path(name).name in NAMES]
    return [ROOT / name for name in names if name not in ("CHANGELOG.md", HERE) and (ROOT / name).is_file()]


def apart(text: str) -> str:
    """A text with the words of its names apart: ``_take_up`` and ``takeUp`` are ``take up``."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])|_+", " ", text)


@cache
def texts() -> list[tuple[str, str]]:
    """Each file that is ours: its name, and its text as it stands, then with the words of names apart."""
    read = ((path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8")) for path in tracked())
    return [(name, f"{text}\0{apart(text)}") for name, text in read]


def says(pattern: str, text: str) -> bool:
    """Whether a text says it, in prose or in a name."""
    cased = "Judge" in pattern or "Nothing" in pattern  # `InferenceSession` is somebody else's
    return re.search(pattern, text.partition("\0")[0] if cased else text, 0 if cased else re.IGNORECASE) is not None


@pytest.mark.parametrize("pattern", GONE)
def test_the_word_is_gone(pattern: str) -> None:
    found = [
        f"{name}:{number}: {line.strip()[:120]}"
        for name, text in texts()
        if says(pattern, text)
        for number, line in enumerate(text.partition("\0")[0].splitlines(), 1)
        if says(pattern, f"{line}\0{apart(line)}") and not any(re.search(allowed, line) for allowed in ALLOWED)
    ]
    assert not found, f"Use instead: {GONE[pattern]}\n" + "\n".join(found[:40])


@pytest.mark.parametrize(
    "line", ["self._take_up(state)", "final = _for_good(folder)", "takeUp()", "# it goes on", "KNOBS = 3"]
)
def test_names_are_read_as_their_words(line: str) -> None:
    assert any(says(pattern, f"{line}\0{apart(line)}") for pattern in GONE)


def test_the_tree_was_read() -> None:
    read = tracked()
    assert len(read) > 300
    assert {".sh", ".j2", ".js"} <= {path.suffix for path in read}
    assert "Makefile" in {path.name for path in read}
