"""What pages show works: snippets are run in order in an empty folder, or a marker says that they are not, and why."""

import re
import shlex
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import typer
import yaml

from acgkd.plugins import use_plugins
from sweeps.cli.app import app, main
from tests.project_tests.test_site import nav_pages

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"

# Pages that are run, each group in one folder and in this order.
RUN = {
    "first": [
        "start/first-sweep.md",
        "how-to/resume-and-extend.md",
        "how-to/read-a-report.md",
        "how-to/own-points.md",
        "how-to/end-a-sweep.md",
        "how-to/use-a-student.md",
        "tutorials/notebook.md",
        "tutorials/laptop-to-cluster.md",
        "cluster.md",
        "how-to/changing-your-mind.md",
    ],
    "comparison": ["tutorials/comparison.md", "comparing.md", "suites.md"],
    "own-teacher": ["tutorials/own-teacher.md", "how-to/own-models.md"],
    "install": ["start/install.md"],
    "adding": ["adding.md"],
}
# What a group finds in its folder, by name.
GIVEN = {"adding": {"my_entries": DOCS / "examples" / "plugins"}}
# What takes a reader half a minute takes a test some seconds: less training, the same commands.
SMALLER = {"epochs: 20": "epochs: 2", "steps: 20": "steps: 4", "steps: 60": "steps: 8", "graphs: 24": "graphs: 8"}
# Run by `test_api_pages.py`.
BY_EXAMPLE = ["api/acgkd.md", "api/analysis.md", "api/sweeps.md"]
EVERY = sorted(path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md") if path.name != "plan.md")

FENCE = re.compile(
    r"^(?P<indent> *)```(?P<word>\w*)(?: title=\"(?P<title>[^\"]+)\")?\n(?P<body>.*?)^ *```$", re.M | re.S
)
MARKER = re.compile(r"<!-- not run: (\S.*?) -->\s*\Z", re.S)
PAGE_MARKER = re.compile(r"^<!-- no snippet of this page is run: (\S.*?) -->$", re.M | re.S)


class Snippet(NamedTuple):
    """A block of code in a page."""

    word: str
    title: str | None
    body: str
    line: int
    why_not: str | None


def snippets(page: str) -> Iterator[Snippet]:
    """All blocks of a page."""
    text = (DOCS / page).read_text(encoding="utf-8") if page.endswith(".md") else page
    whole = PAGE_MARKER.search(text)
    for found in FENCE.finditer(text):
        marker = MARKER.search(text[: found.start()]) or whole
        line = text[: found.start()].count("\n") + 1
        body = re.sub(rf"^{found['indent']}", "", found["body"], flags=re.M)
        yield Snippet(found["word"], found["title"], body, line, marker[1] if marker else None)


def smaller(body: str) -> str:
    """A file of a page with less to compute."""
    for shown, used in SMALLER.items():
        body = body.replace(shown, used)
    return body


def command_lines(body: str) -> list[str]:
    """The commands of a block, continued lines joined."""
    return [
        line for line in body.replace("\\\n", " ").splitlines() if line.strip() and not line.lstrip().startswith("#")
    ]


def run_command(line: str) -> None:
    """A line of `acgkd`, in this process; a comment may say which exit code it has."""
    code = re.search(r"# .*exit code (\d+)", line)
    words = shlex.split(line, comments=True)
    assert words[0] == "acgkd", f"only `acgkd` is run here: {line}"
    assert main(words[1:]) == (int(code[1]) if code else 0), line


def test_init_writes_the_files_of_the_tutorial(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    shown = {snippet.title: snippet.body for snippet in snippets("tutorials/own-teacher.md") if snippet.title}
    run_command("acgkd init own-teacher")
    assert (tmp_path / "my_teacher.py").read_text() == shown["my_teacher.py"]
    assert yaml.safe_load((tmp_path / "own-teacher.yaml").read_text()) == yaml.safe_load(shown["own-teacher.yaml"])


@pytest.mark.slow  # run by `make docs`
@pytest.mark.usefixtures("without_pixels")
@pytest.mark.parametrize("group", RUN)
def test_what_the_pages_of_a_group_show_works(group: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    for name in ("my_teacher", "my_models"):
        monkeypatch.setitem(sys.modules, name, None)  # so that what the page's own file makes of it is undone
        del sys.modules[name]
    for name, source in GIVEN.get(group, {}).items():
        shutil.copytree(source, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    for page in RUN[group]:
        namespace: dict[str, object] = {"__name__": "__main__"}
        for snippet in snippets(page):
            if snippet.why_not:
                continue
            if snippet.title:
                (tmp_path / snippet.title).write_text(smaller(snippet.body))
            elif snippet.word == "bash":
                for line in command_lines(snippet.body):
                    run_command(line)
            elif snippet.word == "python":
                exec(compile("\n" * snippet.line + snippet.body, str(DOCS / page), "exec"), namespace)
    use_plugins()  # none is known to the next test


@pytest.mark.parametrize("page", EVERY)
def test_every_snippet_is_run_or_says_why_not(page: str) -> None:
    known = {page for pages in RUN.values() for page in pages}
    left = [
        f"{page}:{snippet.line}"
        for snippet in snippets(page)
        if page not in known
        and not snippet.why_not
        and (snippet.word == "bash" or (snippet.word == "python" and page not in BY_EXAMPLE))
    ]
    assert not left, "neither run nor marked `<!-- not run: why -->`"


def test_every_page_that_is_run_is_in_the_navigation() -> None:
    assert {page for pages in RUN.values() for page in pages} <= set(EVERY)
    assert nav_pages(["a.md", {"b": ["c.md"]}]) == ["a.md", "c.md"]


@pytest.mark.parametrize("page", EVERY)
def test_yaml_in_a_page_is_yaml(page: str) -> None:
    for snippet in snippets(page):
        if snippet.word in ("yaml", "yml"):
            yaml.safe_load(snippet.body)


def commands_in(text: str) -> Iterator[list[str]]:
    """The words of each `acgkd ...` in a page: lines of blocks, and code between single backquotes."""
    lines = [
        line for snippet in FENCE.finditer(text) if snippet["word"] == "bash" for line in command_lines(snippet["body"])
    ]
    lines += re.findall(r"(?<!`)`(acgkd [^`\n]+)`(?!`)", FENCE.sub("", text))
    for line in lines:
        for part in re.split(r"[;|&]+|\$\(|\) ", line.partition(" #")[0]):
            words = part.split()
            if words[:1] == ["acgkd"] and len(words) > 1:
                yield words


COMMANDS: Any = typer.main.get_command(app).commands  # type: ignore[attr-defined]


@pytest.mark.parametrize("page", [*EVERY, "../README.md"])
def test_every_command_that_is_named_exists_with_its_options(page: str) -> None:
    for words in commands_in((DOCS / page).read_text(encoding="utf-8")):
        name = words[1].strip(".,")
        if name.startswith("-") or name.isupper():
            continue
        assert name in COMMANDS, f"`{' '.join(words)}`: there is no such command"
        known = {
            option for parameter in COMMANDS[name].params for option in [*parameter.opts, *parameter.secondary_opts]
        } | {"--help", "-h"}
        options = {word.partition("=")[0].rstrip(".,") for word in words if word.startswith("-") and len(word) > 1}
        assert options <= known, f"`{' '.join(words)}`: {sorted(options - known)} is no option of it"


def test_the_checks_find_what_is_wrong() -> None:
    text = "# Page\n\n```bash\nacgkd run a  # b\n```\n\n<!-- not run: slow -->\n```python\nx = 1\n```\n\n"
    text += "`acgkd rum --out x`\n"
    first, second = snippets(text)
    assert (first.word, first.why_not, first.line) == ("bash", None, 3)
    assert (second.body, second.why_not) == ("x = 1\n", "slow")
    assert list(commands_in(text)) == [["acgkd", "run", "a"], ["acgkd", "rum", "--out", "x"]]
    with pytest.raises(AssertionError, match="only `acgkd`"):
        run_command("rm file")
