"""The command that a spec names under `on_end`: run once when a start of a sweep has ended in an orderly way."""

import json
import os
import signal
import subprocess
from collections.abc import Callable, Mapping

from acgkd.errors import ConfigError
from sweeps.engine.snapshot import Summary
from sweeps.spec.sections import UNTRUSTED_COMMAND
from sweeps.spec.sweep_spec import SweepSpec
from sweeps.store.folder import SweepFolder

LIMIT_S = 30.0
INTERRUPTED_S = 5.0  # batch systems kill soon after their signal


def require_trust(spec: SweepSpec, trust_code: bool) -> None:
    """Refuses a command that nobody has allowed; a spec that was read from a file is refused earlier.

    Raises:
        ConfigError: the spec names a command and code is not trusted.
    """
    if spec.on_end is not None and not trust_code:
        raise ConfigError(f"`on_end`: {UNTRUSTED_COMMAND}")


def ended(spec: SweepSpec, folder: SweepFolder, summary: Summary, say: Callable[[str], None]) -> None:
    """Runs the command after a start that came to its end or was interrupted.

    Args:
        spec: the sweep.
        folder: its folder, free for the next start.
        summary: what the start came to.
        say: called with one line where the command fails.
    """
    counts, failed = summary.counts, summary.counts.get("failed", 0)
    hopeless = bool(failed) and not counts.get("completed", 0)
    outcome = "interrupted" if summary.interrupted else "failed" if hopeless else "completed"
    message = f"{failed} of {sum(counts.values())} trials failed" if hopeless else summary.ended_by
    _run(spec, folder, outcome, message, counts, say)


def stopped(
    spec: SweepSpec, folder: SweepFolder, error: Exception, counts: Mapping[str, int], say: Callable[[str], None]
) -> None:
    """Runs the command after a start that an error stopped; arguments as for `ended`."""
    _run(spec, folder, "failed", (str(error) or type(error).__name__).splitlines()[0], counts, say)


def _run(
    spec: SweepSpec,
    folder: SweepFolder,
    outcome: str,
    message: str,
    counts: Mapping[str, int],
    say: Callable[[str], None],
) -> None:
    if spec.on_end is None:
        return
    facts = {
        "ACGKD_OUTCOME": outcome,
        "ACGKD_MESSAGE": message,
        "ACGKD_FOLDER": folder.shown,
        "ACGKD_NAME": spec.name,
        "ACGKD_COUNTS": json.dumps(dict(counts)),
    }
    limit_s = INTERRUPTED_S if outcome == "interrupted" else LIMIT_S
    problem = _problem(spec.on_end, {**os.environ, **facts}, folder, limit_s)
    folder.keep_logs()
    if problem:
        line = f"the command of `on_end` {problem}"
        folder.note(line)
        say(line)


def _problem(
    command: str | tuple[str, ...], environment: Mapping[str, str], folder: SweepFolder, limit_s: float
) -> str:
    """Runs a command; what went wrong, as the end of a sentence, empty where nothing did."""
    try:
        folder.logs.mkdir(exist_ok=True)
        with (
            folder.on_end_log.open("wb") as log,
            subprocess.Popen(
                command if isinstance(command, str) else list(command),
                shell=isinstance(command, str),
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # so that all that it has started can be ended with it
            ) as process,
        ):
            try:
                code = process.wait(limit_s)
            finally:
                if process.poll() is None:
                    os.killpg(process.pid, signal.SIGKILL)
    except subprocess.TimeoutExpired:
        return f"was ended after {limit_s:g} s"
    except (OSError, ValueError) as error:
        return f"cannot be run: {error}"
    return f"failed with code {code}; what it wrote is in {folder.on_end_log}" if code else ""
