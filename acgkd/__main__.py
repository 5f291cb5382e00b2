"""Where `acgkd` and `python -m acgkd` enter: makes sure that our packages are ours before it imports any of them."""

import contextlib
import os
import signal
import sys
from importlib import import_module

from acgkd.exit_codes import ExitCode
from acgkd.guard import foreign_package


def main() -> int:
    """Runs one command; SIGTERM and SIGHUP are a Ctrl-C, from the first import on.

    Returns:
        The exit code, see `acgkd.exit_codes`.
    """
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) == signal.SIG_DFL:  # under `nohup`, SIGHUP is ignored and stays so
            signal.signal(number, _interrupt)
    try:
        problem = foreign_package()
        if problem is not None:
            print(f"Error: {problem}", file=sys.stderr)
            return ExitCode.LOOK
        # By name: `acgkd` lies below `sweeps`, and only this door leads upwards.
        code: int = import_module("sweeps.cli.app").main()
    except KeyboardInterrupt:
        return ExitCode.INTERRUPTED
    if code in (ExitCode.START_AGAIN, ExitCode.INTERRUPTED):
        # Everything of ours is written. Shutdown of libraries takes seconds, or never ends where Ray hangs.
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError, ValueError, AttributeError):
                stream.flush()
        os._exit(code)
    return code


def _interrupt(number: int, frame: object) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
