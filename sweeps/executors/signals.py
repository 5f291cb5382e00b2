"""Ctrl-C and SIGTERM: once asks for a clean stop, twice stops at once."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def stop_signals(request: Callable[[], bool]) -> Iterator[None]:
    """Installs the handlers for a block and puts the old ones back.

    Args:
        request: asks for a clean stop; returns whether the work at hand should be broken off right away, because
            it cannot be kept anyway.

    Raises:
        KeyboardInterrupt: at the second signal, or at the first if `request` says so.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread gets signals: whoever runs us elsewhere takes care of them
        return
    received = 0

    def handle(number: int, frame: FrameType | None) -> None:
        nonlocal received
        received += 1
        if received > 1 or request():
            raise KeyboardInterrupt

    previous = {number: signal.signal(number, handle) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


@contextmanager
def handlers_kept() -> Iterator[None]:
    """Puts the signal handlers back that were there before a block; Ray installs its own and leaves them."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in (*SIGNALS, signal.SIGUSR1)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
