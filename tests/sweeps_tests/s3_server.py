"""A real S3 server on loopback, which can be away for a while and keeps its objects; tests import it by this name."""

import logging
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.ports import free_ports

ENVIRONMENT = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1"}
BUCKET = "sweeps"


class S3:
    """The server, in threads of this process.

    Args:
        forgetful: whether it forgets to look whether an object is there before it creates it.
    """

    def __init__(self, forgetful: bool = False) -> None:
        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        self._forgetful = forgetful
        [self.port] = free_ports(1, "127.0.0.1")
        self._server: Any = None

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """It answers, with the objects that it had."""
        # Some tests beside those of stores run where these are not installed.
        from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
        from werkzeug.serving import make_server

        app: Callable[..., Any] = DomainDispatcherApplication(create_backend_app)

        def forgetful(environ: dict[str, Any], start: Any) -> Any:
            environ.pop("HTTP_IF_NONE_MATCH", None)
            return app(environ, start)

        self._server = make_server("127.0.0.1", self.port, forgetful if self._forgetful else app, threaded=True)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        """It is away."""
        self._server.shutdown()
        self._server.server_close()

    def files(self) -> Any:
        """A filesystem of our own on it."""
        import fsspec

        return fsspec.filesystem("s3", use_listings_cache=False, skip_instance_cache=True)

    def names(self, address: str) -> list[str]:
        """Keys of all objects below an address."""
        place = address.removeprefix("s3://")
        return sorted(path.removeprefix(f"{place}/") for path in self.files().find(place))

    def download(self, address: str, to: Path) -> Path:
        """Everything below an address, as a folder."""
        files, place = self.files(), address.removeprefix("s3://")
        for path in files.find(place):
            target = to / path.removeprefix(f"{place}/")
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(files.cat_file(path))
        return to


@contextmanager
def serving(**options: Any) -> Iterator[S3]:
    """A server for a block, named by the environment, with one bucket."""
    server = S3(**options)
    server.start()
    wanted = {**ENVIRONMENT, "AWS_ENDPOINT_URL_S3": server.url}
    before = {name: os.environ.get(name) for name in wanted}
    os.environ.update(wanted)
    try:
        files = server.files()
        if not files.exists(BUCKET):
            files.mkdir(BUCKET)
        yield server
    finally:
        server.stop()
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
