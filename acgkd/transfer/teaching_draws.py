"""Several teachings from the same pseudo-samples: how a further one starts, and what it draws from."""

from collections.abc import Iterator
from contextlib import contextmanager

from acgkd.runtime import Streams


def draw_of(transfer: object) -> int:
    """Which teaching it is by the settings of transfer; 0, the first, of methods that know no other."""
    return int(getattr(transfer, "draw", 0))


def begin_teaching(transfer: object, streams: Streams) -> None:
    """What a further teaching draws from here on, nobody else draws; the first one continues as it is."""
    if draw := draw_of(transfer):
        streams.begin_anew("teaching", draw)


@contextmanager
def start_of_student(transfer: object, streams: Streams) -> Iterator[None]:
    """A block in which the student is made: that of a further teaching starts elsewhere, and moves no stream."""
    if draw := draw_of(transfer):
        with streams.aside(f"student of teaching {draw}"):
            yield
    else:
        yield
