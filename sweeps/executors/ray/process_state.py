"""What a process has for itself while Ray runs in it, and gets back: its folder, environment, hook for errors."""

import contextlib
import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

ENVIRONMENT = {
    "RAY_AIR_NEW_OUTPUT": "0",
    "RAY_CHDIR_TO_TRIAL_DIR": "0",
    "RAY_TRAIN_ENABLE_V2_MIGRATION_WARNINGS": "0",
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
    "TUNE_DISABLE_SIGINT_HANDLER": "1",
    "TUNE_GLOBAL_CHECKPOINT_S": "1000000",
    "TUNE_PRINT_ALL_TRIAL_ERRORS": "0",
    "TUNE_FORCE_TRIAL_CLEANUP_S": "20",
    "TUNE_MAX_PENDING_TRIALS_PG": "256",
}


@contextlib.contextmanager
def inside(folder: Path) -> Iterator[None]:
    """Enters the sweep folder: Ray's workers look for modules where the driver stands."""
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


@contextlib.contextmanager
def environment(more: Mapping[str, str]) -> Iterator[None]:
    """Ray's settings in the environment, and put back what was there.

    Args:
        more: further ones.
    """
    wanted = {**ENVIRONMENT, **more}
    before = {name: os.environ.get(name) for name in wanted}
    os.environ.update(wanted)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@contextlib.contextmanager
def excepthook_kept() -> Iterator[None]:
    """Puts the hook for uncaught errors back, which Ray replaces where it is imported.

    Ray's asks the head first, for a minute where that has ended: a second Ctrl-C would seem to do nothing.
    """
    before = sys.excepthook
    connected = getattr(sys.modules.get("ray"), "is_initialized", lambda: False)()
    if str(getattr(before, "__module__", "")).startswith("ray.") and not connected:
        before = getattr(sys.modules.get("ray._private.worker"), "normal_excepthook", sys.__excepthook__)
    try:
        yield
    finally:
        sys.excepthook = before


def forget_connection() -> None:
    """Takes the connection to a Ray that has ended from what Ray runs when this process exits.

    Ray Tune asks the head to forget our trainable then, and waits for a minute where there is none any more.
    """
    reset = getattr(sys.modules.get("ray.experimental.internal_kv"), "_internal_kv_reset", None)
    if reset is not None:
        reset()
