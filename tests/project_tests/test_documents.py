"""Documents keep their promises: links lead somewhere, commands exist, tables of files are true."""

import pkgutil
import re
import subprocess
from pathlib import Path

import pytest
import yaml

import sweeps

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
GUIDES = [path for path in DOCUMENTS if path.name != "CHANGELOG.md" and "results" not in path.parts]
CODE = re.compile(r"```.*?```|`[^`]+`", re.S)
PLACE = re.compile(r"(?<![\w./])(?:acgkd|sweeps|analysis|tests|benchmarks|specs|docs)/[\w./-]*(?![\w<])")
# A file or module of acgkd, as `acgkd.run.objectives`; what follows it may be a name in it.
MODULE = re.compile(r"(?<![\w./-])(?:acgkd|sweeps|analysis)(?:\.(?!py\b)\w+)+")
# The files that `docs/adding.md` shows how to write.
TO_WRITE = "mine"


def test_all_documents_are_found() -> None:
    names = {path.name for path in DOCUMENTS}
    assert {"README.md", "CHANGELOG.md", "CONTRIBUTING.md", "decisions.md", "adding.md", "mutag.md"} <= names


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_relative_link_leads_to_a_file_and_a_heading(path: Path) -> None:
    links = [link for link in LINK.findall(path.read_text()) if not link.startswith(("https://", "http://"))]
    dead = []
    for link in links:
        name, _, anchor = link.partition("#")
        target = path.parent / name if name else path
        if not target.exists() or (anchor and anchor not in anchors(target.read_text(encoding="utf-8"))):
            dead.append(link)
    assert not dead, f"{path.name} links to what is not there: {dead}"


def test_the_readme_shows_a_report_and_a_comparison_and_says_when_its_quickstart_was_run() -> None:
    text = (ROOT / "README.md").read_text()
    assert re.findall(r"!\[.*?\]\((.*?)\)", text) == ["docs/report.png", "docs/results/three-methods/comparison.png"]
    about = next(part for part in text.split("\n\n") if "sampler/seed=S" in part)
    assert re.search(r"\(20\d\d-\d\d-\d\d, version \d+\.\d+\.\d+, commit [0-9a-f]{7}\)", " ".join(about.split()))


def anchors(text: str) -> set[str]:
    """What links to the headings of a page end in."""
    headings = re.findall(r"^#+ (.*)$", text, re.M)
    return {re.sub(r"[^\w\s-]", "", heading).strip().lower().replace(" ", "-") for heading in headings}


def test_anchors_are_those_of_markdown() -> None:
    assert anchors("# `trials/*/trial.json`\n\n## What's next, then?\n") == {"trialstrialjson", "whats-next-then"}


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_place_in_the_tree_that_is_named_exists(path: Path) -> None:
    """Of the changelog, the section to come: those of released versions name places as they were."""
    text = "\n## [".join(path.read_text(encoding="utf-8").split("\n## [")[:2])
    code = "\n".join(CODE.findall(text))
    places = {place.rstrip(".") for place in PLACE.findall(code)}
    missing = [name for name in sorted(places) if Path(name).stem != TO_WRITE and not (ROOT / name).exists()]
    assert not missing, f"{path.name} names what is not there: {missing}"


@pytest.mark.parametrize("path", GUIDES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_dotted_name_that_is_named_exists(path: Path) -> None:
    code = "\n".join(CODE.findall(path.read_text(encoding="utf-8")))
    missing = [name for name in sorted(set(MODULE.findall(code))) if not exists(name)]
    assert not missing, f"{path.name} names what is not there: {missing}"


def exists(name: str) -> bool:
    """Whether a dotted name is a module of ours, or something in one."""
    try:
        pkgutil.resolve_name(name)
    except (ImportError, AttributeError):
        return False
    return True


def test_the_checks_of_places_and_names_find_what_is_missing() -> None:
    text = "`acgkd/method.py`, `python sweeps/nowhere.py x`, `acgkd.method.MethodRun`, `acgkd.method.Run`, a/acgkd/b"
    code = "\n".join(CODE.findall(text))
    assert PLACE.findall(code) == ["acgkd/method.py", "sweeps/nowhere.py"]
    assert [name for name in MODULE.findall(code) if not exists(name)] == ["acgkd.method.Run"]


def test_the_readme_opens_with_the_two_commands() -> None:
    first = re.search(r"```bash\n(.*?)```", (ROOT / "README.md").read_text(), re.S)
    assert first is not None
    commands = [line.split("#")[0].strip() for line in first.group(1).strip().splitlines()]
    assert commands == ["make quickstart", "make test"]


def test_the_readme_shows_a_valid_spec() -> None:
    shown = re.search(r"```yaml\n(.*?)```", (ROOT / "README.md").read_text(), re.S)
    assert shown is not None
    # Its data set need not be on this machine.
    spec = sweeps.load(yaml.safe_load(shown[1]), {"dataset": "motifs"})
    assert spec.trials == 24
    assert [control.name for control in spec.controls] == ["random_graphs", "real_data"]


@pytest.mark.parametrize("document", ["README.md", "CONTRIBUTING.md"])
def test_every_make_target_that_is_named_exists(document: str) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.M))
    code = " ".join(re.findall(r"```.*?```|`[^`]*`", (ROOT / document).read_text(), re.S))
    named = set(re.findall(r"\bmake ([a-z-]+)", code))
    assert named, document
    assert named <= targets, f"{document} names make targets that are not there: {sorted(named - targets)}"


def test_the_table_of_equations_names_files_that_exist() -> None:
    section = (
        (ROOT / "docs" / "explanations" / "methods.md").read_text().split("## Where each equation")[1].split("###")[0]
    )
    files = re.findall(r"`([\w/]+\.py)`", section)
    assert len(files) >= 9
    missing = [name for name in files if not (ROOT / "acgkd" / name.removeprefix("acgkd/")).exists()]
    assert not missing


def test_nothing_that_is_tracked_is_large_or_names_a_machine() -> None:
    try:
        listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("not a git checkout")
    tracked = [ROOT / name for name in listed.decode().split("\0") if name]
    assert len(tracked) > 50
    assert not [path for path in tracked if path.exists() and path.stat().st_size > 1 << 20]


def test_no_source_file_holds_two_ideas() -> None:
    long = {
        str(path.relative_to(ROOT)): lines
        for package in ("acgkd", "sweeps", "analysis")
        for path in (ROOT / package).rglob("*.py")
        if (lines := len(path.read_text().splitlines())) > 340
    }
    assert not long


def test_every_place_that_the_map_names_exists() -> None:
    text = (ROOT / "docs" / "where.md").read_text(encoding="utf-8")
    rows = [line.split("|") for line in text.splitlines() if line.startswith("| ")][1:]
    assert len(rows) > 20
    for row in rows:
        folder = ROOT
        for name in re.findall(r"`([\w/.-]+)`", "|".join(row[2:])):
            path = ROOT / name if (ROOT / name).exists() else folder / name
            assert path.exists(), name
            folder = path.parent if path.is_file() else path
