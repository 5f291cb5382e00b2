"""Where the console script enters: makes sure that our packages are ours before it imports any of them."""

import sys

from sweeps.guard import foreign_package


def main() -> int:
    """Runs one command.

    Returns:
        The exit code: 0 well, 1 failed, 2 bad input, 130 interrupted.
    """
    told = foreign_package()
    if told is not None:
        print(f"Error: {told}", file=sys.stderr)
        return 1
    from sweeps.cli import main as command

    return command()
