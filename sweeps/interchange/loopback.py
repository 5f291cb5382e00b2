"""A web server that this machine alone can reach, until it is asked to end."""

import signal
import threading
from collections.abc import Callable, Iterable
from socketserver import ThreadingMixIn
from typing import TYPE_CHECKING
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from acgkd.errors import ConfigError

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

HOST = "127.0.0.1"
_NAMES = (HOST, "localhost")


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """A line for every request helps nobody."""


class _Server(ThreadingMixIn, WSGIServer):
    """A thread for each connection: browsers open some that they do not use, which would block all others."""

    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """A browser that is gone before it has its answer is no error."""


class LoopbackServer:
    """Serves an application on loopback.

    Args:
        port: of this machine; 0 for any that is free.
        application: what answers; it is asked by this machine's own names alone.
        warn: called with a line where what is served cannot be brought up to date for now.

    Raises:
        ConfigError: the port is taken.
    """

    def __init__(self, port: int, application: "WSGIApplication", warn: Callable[[str], None]) -> None:
        try:
            self._server = make_server(HOST, port, _own_names(application), _Server, _Quiet)
        except OSError as error:
            raise ConfigError(
                f"Port {port} must be free, but: {error.strerror}. Choose another one, or `--port 0` for any."
            ) from error
        self._over = threading.Event()
        self._warn, self.problem = warn, ""  # the latter is what was said last, until it is over

    @property
    def url(self) -> str:
        """Where a browser finds it."""
        return f"http://{HOST}:{self._server.server_port}"

    def serve(self, follow: Callable[[], object], every_s: float) -> None:
        """Serves until Ctrl-C or SIGTERM.

        Args:
            follow: brings what is served up to date; called again and again meanwhile, from a thread of its own.
            every_s: seconds between two calls.
        """

        def following() -> None:
            while not self._over.wait(every_s):
                self._follow(follow)

        threading.Thread(target=following, name="follower", daemon=True).start()
        main = threading.current_thread() is threading.main_thread()
        before = signal.signal(signal.SIGTERM, signal.default_int_handler) if main else None
        try:
            self._server.serve_forever()
        except KeyboardInterrupt:
            pass  # as it is meant to end
        finally:
            self._over.set()
            self._server.server_close()
            if before is not None:
                signal.signal(signal.SIGTERM, before)

    def _follow(self, follow: Callable[[], object]) -> None:
        try:
            follow()
            self.problem = ""
        except Exception as error:  # a folder that is away may come back; until then all stays as it was
            if str(error) != self.problem:
                self.problem = str(error)
                self._warn(self.problem)


def _own_names(application: "WSGIApplication") -> "WSGIApplication":
    """Refuses requests by another name: a page of the web could have its own name lead here, and then read answers."""

    def answer(environment: "WSGIEnvironment", start: "StartResponse") -> Iterable[bytes]:
        name = str(environment.get("HTTP_HOST", HOST)).rpartition(":")
        if (name[0] or name[2]) not in _NAMES:
            start("403 Forbidden", [("Content-Type", "text/plain; charset=utf-8")])
            return [b"This server answers to localhost alone.\n"]
        return application(environment, start)

    return answer
