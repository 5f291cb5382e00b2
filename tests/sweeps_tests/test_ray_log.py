"""What libraries write to descriptor 2 is in the log; what Python writes is where it was, whoever holds the stream."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

HOME = Path(__file__).parents[2]
PROGRAM = """
import os, sys
from pathlib import Path
from rich.console import Console
from rich.live import Live
from sweeps.cli.streams import safe_streams
from sweeps.executors.ray.ray_log import ray_log

def speak(held):
    with ray_log(Path(sys.argv[1])):
        os.write(2, b"from a library\\n")
        print("from Python", file=sys.stderr)
        print("from a stream held by others", file=held, flush=True)
    os.write(2, b"from a library afterwards\\n")
    print("from Python afterwards", file=sys.stderr)
    with ray_log(Path(sys.argv[1])):
        raise ValueError("on purpose")

match sys.argv[2]:
    case "plain":
        speak(sys.stderr)
    case "command line":
        with safe_streams():
            speak(sys.stderr)
    case "live":
        with Live(console=Console(file=sys.stderr, force_terminal=True)):
            speak(sys.stderr)
"""


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("kind", ["plain", "command line", "live"])
def test_the_terminal_shows_ours_and_the_log_the_rest(kind: str, unbuffered: str, tmp_path: Path) -> None:
    log = tmp_path / "ray.log"
    environment = {**os.environ, "PYTHONPATH": str(HOME), "PYTHONUNBUFFERED": unbuffered}
    line = [sys.executable, "-c", PROGRAM, str(log), kind]
    done = subprocess.run(line, env=environment, capture_output=True, text=True, check=False)
    assert log.read_text() == "from a library\n"
    for said in ("from Python\n", "from a stream held by others\n", "afterwards\n", "ValueError: on purpose"):
        assert said in done.stderr + done.stdout
    assert "from a library afterwards" in done.stderr
    assert "from a library\n" not in done.stderr
