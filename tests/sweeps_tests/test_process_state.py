"""What a process gets back when Ray has run in it."""

import os
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from acgkd.errors import SweepError
from sweeps.executors.ray import executor
from sweeps.executors.ray.background import Background, still_leaving, wait_for_broken_off
from sweeps.executors.ray.process_state import environment, excepthook_kept, forget_connection, inside


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
    monkeypatch.setitem(sys.modules, "ray", SimpleNamespace(is_initialized=lambda: connected))
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


def test_nothing_of_rays_asks_a_head_that_has_ended_when_the_process_exits(monkeypatch: pytest.MonkeyPatch) -> None:
    forgotten: list[str] = []
    store = SimpleNamespace(_internal_kv_reset=lambda: forgotten.append("connection"))
    monkeypatch.setitem(sys.modules, "ray.experimental.internal_kv", store)
    forget_connection()
    assert forgotten == ["connection"]
    monkeypatch.delitem(sys.modules, "ray.experimental.internal_kv")
    forget_connection()


@pytest.mark.ray
def test_this_ray_has_a_connection_to_forget() -> None:
    from ray.experimental import internal_kv

    assert callable(internal_kv._internal_kv_reset)


def test_work_that_is_broken_off_tidies_up_undisturbed() -> None:
    tidy = threading.Event()

    def work() -> None:
        try:
            while True:
                time.sleep(0.01)
        finally:
            background.leaving.set()
            for _ in range(60):  # longer than it takes to be interrupted anew
                time.sleep(0.01)
            tidy.set()

    background = Background(work)
    background.start()
    assert background.break_off(20)
    assert tidy.is_set()
    with pytest.raises(KeyboardInterrupt):
        background.result()


def test_work_that_cannot_be_broken_off_is_said_to_continue() -> None:
    end = threading.Event()

    def work() -> None:
        end.wait(20)

    background = Background(work)
    background.start()
    assert not still_leaving()
    assert not background.break_off(0.3), "it waits below Python"
    assert still_leaving()
    assert not wait_for_broken_off(0.3)
    end.set()
    assert wait_for_broken_off(20)
    assert background.wait(0)
    assert not still_leaving()


def test_a_sweep_waits_until_the_ray_of_one_that_was_broken_off_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    end, progress = threading.Event(), SimpleNamespace(message="")
    background = Background(lambda: end.wait(20) and None)
    background.start()
    assert not background.break_off(0.1)
    monkeypatch.setattr(executor, "DISCONNECT_S", 0.3)
    with pytest.raises(SweepError, match="Start the sweep in a new process"):
        executor.Ray().execute(SimpleNamespace(progress=progress))
    assert progress.message == "waiting until the last Ray is gone"
    end.set()
    assert wait_for_broken_off(20)
