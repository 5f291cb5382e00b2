"""What the exit code of a command says; the one place that defines the numbers."""

from enum import IntEnum


class ExitCode(IntEnum):
    """Exit codes of `acgkd`; scripts of batch systems may rely on them."""

    OK = 0
    LOOK = 1
    BAD_INPUT = 2
    IN_USE = 73  # EX_CANTCREAT of sysexits.h
    START_AGAIN = 75  # EX_TEMPFAIL of sysexits.h
    INTERRUPTED = 130  # 128 and the number of SIGINT, as shells have it


MEANINGS = {
    ExitCode.OK: "all went well",
    ExitCode.LOOK: "something to look at: a trial failed, no trial completed, or the sweep was stopped by an error",
    ExitCode.BAD_INPUT: "invalid input; nothing was started",
    ExitCode.IN_USE: "another driver works on the folder; nothing was started",
    ExitCode.START_AGAIN: "Ray was lost; start the same command again",
    ExitCode.INTERRUPTED: "interrupted (Ctrl-C, SIGTERM, SIGHUP); the same command resumes",
}


def table() -> str:
    """All of them, a line each."""
    return "\n".join(f"  {code:<4d} {MEANINGS[code]}" for code in ExitCode)
