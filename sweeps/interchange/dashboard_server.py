"""Serves a sweep to optuna-dashboard: a copy of its study in memory, which follows the folder, on loopback alone."""

from collections.abc import Callable
from pathlib import Path

from acgkd.errors import ConfigError
from sweeps.interchange.loopback import LoopbackServer
from sweeps.interchange.optuna_export import StudyCopy

FOLLOW_S = 3.0


class DashboardServer:
    """The dashboard of one sweep.

    Args:
        folder: of the sweep.
        port: of this machine; 0 for any that is free.
        warn: called with a line where the folder cannot be read for now.

    Raises:
        ConfigError: optuna-dashboard is not installed, or the port is taken.
        FolderError: this is no sweep folder.
    """

    def __init__(self, folder: Path, port: int, warn: Callable[[str], None]) -> None:
        try:
            from optuna_dashboard import wsgi
        except ImportError:
            raise ConfigError(
                "The dashboard needs the package optuna-dashboard, which is not installed. "
                '`pip install "acgkd[dashboard]"` installs it.'
            ) from None
        import optuna

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        storage = optuna.storages.InMemoryStorage()
        self._copy = StudyCopy(folder, storage)
        self._copy.update()
        self._server = LoopbackServer(port, wsgi(storage), warn)

    @property
    def url(self) -> str:
        """Where a browser finds it."""
        return f"{self._server.url}/dashboard"

    def serve(self) -> None:
        """Serves until Ctrl-C."""
        self._server.serve(self._copy.update, FOLLOW_S)
