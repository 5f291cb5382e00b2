"""The page of errors: the tree of exceptions, and what a command does with each."""

import inspect
from collections.abc import Iterator

import acgkd
from acgkd import errors
from generators.commands import exit_codes
from sweeps.cli import app

INTRO = """\
# Errors and exit codes

Made by `python docs/generate.py`. Everything that is raised on purpose is an `acgkd.AcgkdError`, and says the law, the
facts and the way out. A command prints that sentence, without a traceback, and ends with a code:

"""

TREE = """
What goes wrong with one trial is no error but an outcome in its record: [when things go
wrong](../how-to/when-things-go-wrong.md) has causes and remedies.

## The exceptions

All can be imported from `acgkd`, and are defined in `acgkd/errors.py`; a class that is indented is a special case of
the one above it. *Invalid input* ends a command with code {bad}.

"""


def errors_page() -> str:
    """Exit codes, then the tree of exceptions."""
    tree = list(_below(errors.AcgkdError, 0))
    return (
        INTRO + "\n".join(exit_codes()) + "\n" + TREE.format(bad=int(app.ExitCode.BAD_INPUT)) + "\n".join(tree) + "\n"
    )


def _below(kind: type[Exception], depth: int) -> Iterator[str]:
    name = f"`acgkd.{kind.__name__}`" if kind.__name__ in acgkd.__all__ else f"`{kind.__name__}`"
    builtin = [
        f"`{base.__name__}`" for base in kind.__bases__ if base.__module__ == "builtins" and base is not Exception
    ]
    also = f" (also {', '.join(builtin)})" if builtin else ""
    mark = " *Invalid input.*" if issubclass(kind, app._BAD_INPUT) else ""
    about = " ".join(inspect.cleandoc(kind.__doc__ or "").split("\n\n")[0].split())
    yield f"{'    ' * depth}* {name}{also}: {about}{mark}"
    for child in sorted(kind.__subclasses__(), key=lambda one: inspect.getsourcelines(one)[1]):
        if child.__module__ == errors.__name__:
            yield from _below(child, depth + 1)
