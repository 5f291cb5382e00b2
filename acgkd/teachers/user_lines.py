"""Where in the user's code an error came from: the lines of their files, and none of ours."""

import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from acgkd.errors import AcgkdError
from acgkd.teachers.user_code import is_users


@contextmanager
def pointing_to_own_lines() -> Iterator[None]:
    """Errors of ours that the user's code has caused say where in it: its lines alone, the innermost one last.

    Raises:
        AcgkdError: what was raised, with those lines.
    """
    try:
        yield
    except AcgkdError as error:
        cause = error.__cause__
        lines = [] if cause is None else own_lines(cause)
        if not lines or lines[-1] in str(error):
            raise
        raise type(error)("\n".join([str(error), *lines])) from cause


def own_lines(error: BaseException) -> list[str]:
    """The lines of the user's files that an exception came through; of a syntax error the line that is none."""
    if isinstance(error, SyntaxError) and error.filename:
        path = Path(error.filename)
        return [f"  {path.name}:{error.lineno}: {(error.text or '').strip()}"] if is_users(path) else []
    return [
        f"  {Path(frame.filename).name}:{frame.lineno}, in {frame.name}: {frame.line}"
        for frame in traceback.extract_tb(error.__traceback__)
        if is_users(Path(frame.filename))
    ]
