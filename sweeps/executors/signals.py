"""Ctrl-C, SIGTERM and SIGHUP: once asks for a clean stop, twice stops at once."""

import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
GRACE_S = 8.0  # batch systems kill half a minute after their signal, some sooner


@dataclass
class Stopping:
    """What became of a request to stop.

    Args:
        asked: how many signals came, to this block or to one inside it.
        expired: whether the work at hand did not end within `GRACE_S` seconds of the first one.
        renew: installs the handlers again, where a library may have put its own in their place.
    """

    asked: int = 0
    expired: bool = False
    renew: Callable[[], None] = lambda: None
    _main: int | None = None
    _unasked: bool = False
    _sending: threading.Lock = field(default_factory=threading.Lock)

    def listen(self, main: int | None) -> None:
        """Says which thread handles signals from now on; None where none does."""
        with self._sending:
            self._main = main

    def send(self, asked: bool = True) -> None:
        """Does in another thread as a Ctrl-C would; nothing where no signals are handled.

        Args:
            asked: whether somebody asks for it: then it is asked of the blocks around this one too.
        """
        with self._sending:
            if self._main is not None:
                self._unasked = not asked
                signal.pthread_kill(self._main, signal.SIGINT)

    def take(self, around: Sequence["Stopping"]) -> None:
        """Counts a signal, in the blocks around this one too if a user sent it."""
        self.asked += 1
        if not self.expired and not self._unasked:
            for block in around:
                block.asked += 1
        self._unasked = False


_blocks: list[Stopping] = []  # those that the main thread is in, the innermost last


@contextmanager
def stop_signals(request: Callable[[], bool]) -> Iterator[Stopping]:
    """Installs the handlers for a block and puts the old ones back.

    The first signal calls `request`. Work that does not end within `GRACE_S` seconds after it is broken off: then the
    block ends there, without an exception. A SIGHUP that is ignored, as under `nohup`, stays ignored.

    Args:
        request: asks for a clean stop; returns whether the work at hand should be broken off right away, because
            it cannot be kept anyway.

    Raises:
        KeyboardInterrupt: at the second signal, or at the first if `request` says so.
    """
    stopping = Stopping()
    if threading.current_thread() is not threading.main_thread():
        yield stopping  # only the main thread gets signals: whoever runs us elsewhere takes care of them
        return
    main, around = threading.get_ident(), tuple(_blocks)

    def expire() -> None:
        stopping.expired = True
        signal.pthread_kill(main, signal.SIGINT)

    timer = threading.Timer(GRACE_S, expire)
    timer.daemon = True

    def handle(number: int, frame: FrameType | None) -> None:
        stopping.take(around)
        if stopping.asked > 1 or request():
            raise KeyboardInterrupt
        timer.start()

    numbers = [number for number in SIGNALS if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN]

    def install() -> None:
        for number in numbers:
            signal.signal(number, handle)

    previous = {number: signal.getsignal(number) for number in numbers}
    stopping.renew = install
    _blocks.append(stopping)
    install()
    stopping.listen(main)
    try:
        yield stopping
    except KeyboardInterrupt:
        if not stopping.expired:
            raise
    finally:
        timer.cancel()
        stopping.listen(None)
        _blocks.remove(stopping)
        for number, handler in previous.items():
            signal.signal(number, handler)
