"""Where `acgkd` and `python -m acgkd` enter: makes sure that our packages are ours before it imports any of them."""

import sys
from importlib import import_module

from acgkd.guard import foreign_package


def main() -> int:
    """Runs one command.

    Returns:
        The exit code: 0 success, 1 failure, 2 bad input, 130 interrupted.
    """
    problem = foreign_package()
    if problem is not None:
        print(f"Error: {problem}", file=sys.stderr)
        return 1
    # By name: `acgkd` lies below `sweeps`, and only this door leads upwards.
    code: int = import_module("sweeps.cli.app").main()
    return code


if __name__ == "__main__":
    sys.exit(main())
