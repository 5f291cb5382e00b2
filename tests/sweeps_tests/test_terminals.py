"""Output that cannot be written as usual: no command raises, the work is done, the exit code says what became of it."""

import io
import json
import os
import resource
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from sweeps.cli.app import main
from sweeps.cli.commands.listing import entries
from sweeps.display.characters import ERRORS, showable
from sweeps.display.safe_console import SafeConsole
from sweeps.store.folder import SweepFolder

HOME = Path(__file__).resolve().parents[2]
SPEC = """\
name: tiny
dataset: {name: motifs, options: {graphs: 60}}
teacher: {preset: gin-2-8, epochs: 1}
student: gin-2-4
method: {name: acgkd, synthesis: {graphs: 6, steps: 2}, transfer: {steps: 2, batch_size: 4}}
space: smoke
sampler: random
budget: {trials: 2}
controls: [random_graphs]
"""
# All commands in one process: each sets its streams up anew, and imports are paid for once.
PROGRAM = """
import json, sys
from sweeps.cli.app import main
codes = [main(arguments) for arguments in json.loads(sys.argv[1])]
with open(sys.argv[2], "w") as file:
    json.dump(codes, file)
"""
# Figures go to files, whatever becomes of the streams: those of reports are left empty.
EMPTY_FIGURES = "from analysis.figures import drawing\ndrawing.fill = lambda made, paint: None\n"


@dataclass(frozen=True)
class Fault:
    """A way in which output fails.

    Args:
        shell: redirections.
        environment: of the process.
        printed: the exit code of a command that did well and printed something.
    """

    shell: str = ""
    environment: dict[str, str] = field(default_factory=dict)
    printed: int = 0


FAULTS = {
    "ascii": Fault(environment={"PYTHONIOENCODING": "ascii"}),
    "latin-1": Fault(environment={"PYTHONIOENCODING": "latin-1"}),
    "C locale": Fault(environment={"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}),
    "40 columns": Fault(environment={"COLUMNS": "40"}),
    "1 column": Fault(environment={"COLUMNS": "1"}),
    "closed output": Fault(">&-"),
    "all closed": Fault(">&- 2>&- <&-"),
    "full output": Fault(">/dev/full", printed=1),
    "full errors": Fault("2>/dev/full"),
    "reader left": Fault("| true"),
}
LIGHT = [
    (["--help"], 0),
    (["run", "--help"], 0),
    (["--version"], 0),
    (["bogus"], 2),
    (["list"], 0),
    (["list", "--json"], 0),
    (["status", "sweep"], 0),
    (["status", "sweep", "--json"], 0),
    (["status", "nowhere"], 2),
]
HEAVY = [
    (["check", "tiny.yaml"], 0),
    (["check", "bad.yaml"], 2),
    (["run", "tiny.yaml", "--in-process"], 0),
    (["report", "runs/tiny"], 0),
    (["distill", "tiny.yaml"], 0),
    (["distill", "tiny.yaml", "--json"], 0),
    (["doctor"], 0),
    (["doctor", "--json"], 0),
    (["export-study", "runs/tiny", "sqlite://"], 0),
]


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder with specs and a sweep folder that nothing was run in."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ACGKD_DATA", str(tmp_path))
    Path("tiny.yaml").write_text(SPEC)
    Path("bad.yaml").write_text(SPEC.replace("space: smoke", "space: smöke"), encoding="utf-8")
    sweep = SweepFolder(Path("sweep"))
    sweep.make()
    sweep.sweep.write_text(json.dumps({"name": "tiny – ±", "objectives": [], "spec": {}}))
    return tmp_path


def run_under(fault: Fault, commands, place: Path, before: str = "") -> tuple[list[int], str]:
    """Exit codes of the commands, and all that reached standard output or error."""
    arguments = json.dumps([arguments for arguments, _ in commands])
    seen, codes = place / "seen.txt", place / "codes.json"
    shell = f'{{ "$0" "$@" {fault.shell or " "}; }} >\'{seen}\' 2>&1'
    environment = {**os.environ, "PYTHONPATH": str(HOME), "OMP_NUM_THREADS": "1", **fault.environment}
    subprocess.run(
        ["bash", "-c", shell, sys.executable, "-c", before + PROGRAM, arguments, str(codes)],
        env=environment,
        check=False,
    )
    text = seen.read_bytes().decode("latin-1")
    assert codes.exists(), text
    return json.loads(codes.read_text()), text


def check_commands(name: str, commands, place: Path, before: str = "") -> str:
    fault = FAULTS[name]
    codes, text = run_under(fault, commands, place, before)
    assert dict(zip(map(str, (arguments for arguments, _ in commands)), codes, strict=True)) == {
        str(arguments): code or fault.printed for arguments, code in commands
    }
    for word in ("Traceback", "Exception ignored", "Error in sys"):
        assert word not in text
    return text


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("name", FAULTS)
def test_looking_around_never_raises(name, place):
    text = check_commands(name, LIGHT, place)
    if name in ("ascii", "C locale"):
        assert text.isascii()
        assert "tiny - +/-" in text
    if name == "latin-1":
        assert "tiny - ±" in text
    if name == "full output":
        assert text.count("Standard output must be writable, but: No space left on device.") == 7


@pytest.mark.cluster
@pytest.mark.parametrize("name", FAULTS)
def test_working_never_raises(name, place):
    text = check_commands(name, HEAVY, place, EMPTY_FIGURES)
    assert (place / "runs/tiny/report/report.html").stat().st_size > 10_000
    assert (place / "runs/tiny-distill/record-0.json").exists()
    if name == "ascii":
        assert text.isascii()
        assert "gin-2-8 -> gin-2-4" in text
        assert "(+/- standard deviation over runs)" in text


def test_a_spec_is_checked_without_standard_output(place):
    check_commands("closed output", HEAVY[:2], place)


def test_a_sweep_keeps_its_files_to_itself_where_descriptors_were_closed(place):
    """The next file opened would get a closed descriptor's number, and whatever libraries print there."""
    program = (
        "import os; from sweeps.cli.streams import safe_streams\n"
        "with safe_streams():\n"
        "    with open('kept.txt', 'w') as file:\n"
        "        os.write(1, b'noise'); os.write(2, b'noise'); file.write('data')\n"
    )
    command = ["bash", "-c", '"$0" "$@" <&- >&- 2>&-', sys.executable, "-c", program]
    assert subprocess.run(command, env={**os.environ, "PYTHONPATH": str(HOME)}, check=False).returncode == 0
    assert Path("kept.txt").read_text() == "data"


@pytest.mark.usefixtures("whole_reports")
@pytest.mark.parametrize(
    "arguments",
    [
        ["run", "tiny.yaml", "--in-process", "--out", "{}"],
        ["distill", "tiny.yaml", "--out", "{}"],
        ["report", "sweep", "--out", "{}"],
        ["export-study", "sweep", "sqlite:///{}/study.db"],
    ],
)
@pytest.mark.parametrize("folder", ["/proc/nowhere", "tiny.yaml", "tiny.yaml/below"])
def test_a_folder_that_cannot_be_written_is_one_sentence(arguments, folder, place, capsys):
    before = sorted(place.iterdir())
    if arguments[0] == "export-study":
        (place / "sweep/sweep.json").write_text('{"name": "t", "objectives": [{"name": "a", "direction": "minimize"}]}')
    assert main([argument.format(folder) for argument in arguments]) == 2
    lines = " ".join(line for line in capsys.readouterr().err.splitlines() if not line.endswith(": starting"))
    assert lines.startswith("Error: ")
    assert folder.split("/")[0 if folder[0] != "/" else 1] in lines
    assert sorted(place.iterdir()) == before


@pytest.mark.usefixtures("whole_reports")
@pytest.mark.parametrize(
    ("arguments", "kilobytes"),
    [
        (["run", "tiny.yaml", "--in-process"], 8),
        (["run", "tiny.yaml", "--in-process"], 40),
        (["distill", "tiny.yaml"], 8),
    ],
)
def test_no_room_for_a_file_is_a_sentence_and_a_failure(arguments, kilobytes, place, monkeypatch, capsys):
    monkeypatch.setenv("ACGKD_CACHE", str(place / "cache"))  # empty: a teacher has to be written
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (kilobytes * 1024, before[1]))
    try:
        assert main(arguments) == 1
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    said = capsys.readouterr().err
    assert said.count("Error: ") == 1
    assert "File too large" in " ".join(said.split())


def test_what_the_system_refuses_under_way_is_a_sentence_and_a_failure(place, monkeypatch, capsys):
    def refuse(*_, **__):
        raise PermissionError(13, "Permission denied", "sweep/records")

    monkeypatch.setattr(SweepFolder, "status", refuse)
    assert main(["status", "sweep"]) == 1
    assert capsys.readouterr().err == (
        "Error: sweep/records must be usable, but: Permission denied. What was finished is kept.\n"
    )


# ---- characters


@pytest.mark.parametrize(
    ("text", "encoding", "shown"),
    [
        ("a → b ± 1 – 2 … é", "ascii", "a -> b +/- 1 - 2 ... e"),
        ("a → b ± 1 – 2 … é", "latin-1", "a -> b ± 1 - 2 ... é"),
        ("a → b", "utf-8", "a → b"),
        ("λ ≤ ∞, 3 × 4", "ascii", "lambda <= inf, 3 x 4"),
        ("漢", "ascii", "?"),
        ("b\udcff", "utf-8", "b\\xff"),
        ("a\tb\nc", "utf-8", "a\tb\nc"),
        ("→", "no such encoding", "→"),
    ],
)
def test_what_an_encoding_lacks_is_ascii(text, encoding, shown):
    assert showable(text, encoding) == shown
    if encoding != "no such encoding":
        assert text.encode(encoding, ERRORS) == shown.encode(encoding)


def test_names_do_not_steer_a_terminal(place, capsys):
    assert showable("a\x1b[31m\x9b\r\x07", "utf-8") == "a\\x1b[31m\\x9b\\x0d\\x07"
    assert main(["status", "a\x1b[31m"]) == 2
    assert main(["check", "tiny.yaml", "--set", "dataset.na\x1b[31mme=x"]) == 2
    text = capsys.readouterr().err
    assert "\x1b" not in text
    assert text.count("a\\x1b[31m") > 1


@pytest.mark.parametrize("encoding", ["ascii", "utf-8"])
def test_columns_stay_aligned_in_any_encoding(encoding):
    from rich.table import Table

    table = Table(box=None, show_header=False, title="a → b")
    for row in (["0.5 ± 0.1", "x"], ["→→", "x"]):
        table.add_row(*row)
    stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding, errors="strict")
    SafeConsole(file=stream, width=40).print(table)
    stream.flush()
    lines = stream.buffer.getvalue().decode(encoding).splitlines()[1:]
    assert len({line.rindex("x") for line in lines}) == 1


def test_a_cut_text_takes_no_more_room_in_ascii():
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii", errors="strict")
    SafeConsole(file=stream, width=20).print("n" * 50, no_wrap=True, overflow="ellipsis")
    stream.flush()
    assert stream.buffer.getvalue() == b"n" * 19 + b"~\n"


@pytest.mark.usefixtures("whole_reports")
def test_bytes_of_a_path_that_are_no_text(place):
    """As a report, where the folder's name is written into tables and pages."""
    from analysis.reports import pareto_table, write

    folder = Path(os.fsdecode(b"b\xff"))
    assert main(["run", "tiny.yaml", "--in-process", "--trials", "1", "--out", str(folder)]) == 0
    (folder / "records" / os.fsdecode(b"\xfe.json")).write_text("{}")
    page = write([folder], Path("report")).with_name("report.md").read_text(encoding="utf-8")
    assert "b\\\\xff" in page  # Markdown's backslash is two
    assert "xfe.json" in page
    assert len(pareto_table(folder)) == 4


# ---- readable tables


def test_a_long_name_leaves_the_rest_readable(place, monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "80")
    Path("long.yaml").write_text(SPEC.replace("name: tiny", f"name: {'a' * 100}"))
    assert main(["check", "long.yaml"]) == 0
    text = capsys.readouterr().out
    for words in ("motifs: gin-2-8 → gin-2-4 by acgkd", "2 trials of 1 replicate; random", "random_graphs", "a" * 60):
        assert words in text
    assert max(map(len, text.splitlines())) <= 80


@pytest.mark.parametrize(
    ("hours", "said"), [("1", "2 trials of 1 replicate, at most 1 hour;"), ("1.5", "at most 1.5 hours;")]
)
def test_budgets_are_counted(hours, said, place, capsys):
    assert main(["check", "tiny.yaml", "--set", f"budget/hours={hours}"]) == 0
    assert said in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "whole"),
    [
        (["check", "tiny.yaml"], ["validation_divergence", "transfer/temperature/value:", "random_graphs"]),
        (["status", "sweep"], ["last activity  2", "budget trials  –", "failures       none"]),
        (["list"], ["  random_graphs\n", *" ".join(entries("acgkd.methods").values()).split()]),
    ],
)
def test_forty_columns_break_no_word(arguments, whole, place, monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "40")
    assert main(arguments) == 0
    text = "".join(f"{line.rstrip()}\n" for line in capsys.readouterr().out.splitlines())
    assert [part for part in whole if part not in text] == []
    assert max(map(len, text.splitlines())) <= 40
