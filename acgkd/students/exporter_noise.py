"""What exporters of torch say that nobody asked for: warnings, logs, and whole graphs that they cannot follow."""

import io
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr


@contextmanager
def quiet() -> Iterator[None]:
    """Without the warnings of exporters, which are about torch's own code."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@contextmanager
def quiet_exporter() -> Iterator[None]:
    """Nor with remarks in logs, nor with the page that is printed of a graph that cannot be followed."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with quiet(), redirect_stderr(io.StringIO()):
            yield
    finally:
        logging.disable(before)
