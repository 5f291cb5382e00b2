"""What a process gets back when Ray has run in it."""

import os
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from sweeps.executors.ray.process_state import environment, excepthook_kept, inside


def rays_hook(*error: object) -> None:
    """As Ray sets it where it is imported."""


rays_hook.__module__ = "ray._private.worker"


def own_hook(*error: object) -> None:
    """As a notebook or a debugger sets one."""


@pytest.mark.parametrize(
    ("before", "connected", "after"),
    [
        (own_hook, False, own_hook),
        (rays_hook, False, sys.__excepthook__),
        (rays_hook, True, rays_hook),
    ],
    ids=["a user's", "Ray's without a connection", "Ray's with a connection"],
)
def test_the_hook_for_errors_asks_no_head_that_has_ended(
    before: object, connected: bool, after: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ray", SimpleNamespace(is_initialized=lambda: connected))  # type: ignore[arg-type]
    monkeypatch.setattr(sys, "excepthook", before)
    with excepthook_kept():
        monkeypatch.setattr(sys, "excepthook", rays_hook)
    assert sys.excepthook is after


def test_folder_and_environment_come_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RAY_AIR_NEW_OUTPUT", "mine")
    monkeypatch.delenv("TUNE_PRINT_ALL_TRIAL_ERRORS", raising=False)
    (tmp_path / "sweep").mkdir()
    with inside(Path("sweep")), environment({"RAY_AUTH_MODE": "token"}):
        assert Path.cwd() == tmp_path / "sweep"
        assert (os.environ["RAY_AIR_NEW_OUTPUT"], os.environ["RAY_AUTH_MODE"]) == ("0", "token")
    assert Path.cwd() == tmp_path
    assert os.environ["RAY_AIR_NEW_OUTPUT"] == "mine"
    assert "TUNE_PRINT_ALL_TRIAL_ERRORS" not in os.environ
