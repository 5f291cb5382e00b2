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
SUFFIXES = {".py", ".md", ".yaml", ".yml", ".html", ".toml"}


def tracked() -> list[Path]:
    try:
        listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("not a git checkout")
    names = [name for name in listed.decode().split("\0") if name and Path(name).suffix in SUFFIXES]
    return [ROOT / name for name in names if name not in ("CHANGELOG.md", HERE) and (ROOT / name).is_file()]


@cache
def lines() -> list[tuple[str, str]]:
    """Each line that is ours, with its place."""
    return [
        (f"{path.relative_to(ROOT)}:{number}", line)
        for path in tracked()
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
    ]


@pytest.mark.parametrize("pattern", GONE)
def test_the_word_is_gone(pattern: str) -> None:
    flags = 0 if "Judge" in pattern or "Nothing" in pattern else re.IGNORECASE
    word = re.compile(pattern, flags)
    found = [
        f"{place}: {line.strip()[:120]}"
        for place, line in lines()
        if word.search(line) and not any(re.search(allowed, line) for allowed in ALLOWED)
    ]
    assert not found, f"Use instead: {GONE[pattern]}\n" + "\n".join(found[:40])


def test_the_tree_was_read() -> None:
    assert len(tracked()) > 300
