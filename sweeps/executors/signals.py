"""Ctrl-C and SIGTERM: once asks for a clean stop, twice stops at once."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def stop_signals(request: Callable[[], bool]) -> Iterator[Callable[[], None]]:
    """Installs the handlers for a block and puts the old ones back.

    Args:
        request: asks for a clean stop; returns whether the work at hand should be broken off right away, because
            it cannot be kept anyway.

    Yields:
        what another thread calls to do as a Ctrl-C does; it does nothing where there are no handlers.

    Raises:
        KeyboardInterrupt: at the second signal, or at the first if `request` says so.
    """
    if threading.current_thread() is not threading.main_thread():
        yield lambda: None  # only the main thread gets signals: whoever runs us elsewhere takes care of them
        return
    received, installed, sending = 0, threading.Event(), threading.Lock()

    def handle(number: int, frame: FrameType | None) -> None:
        nonlocal received
        received += 1
        if received > 1 or request():
            raise KeyboardInterrupt

    def send() -> None:
        with sending:
            if installed.is_set():
                signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    previous = {number: signal.signal(number, handle) for number in SIGNALS}
    installed.set()
    try:
        yield send
    finally:
        with sending:
            installed.clear()
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
