"""Another distribution with a package `sweeps`, as `pip install "wandb[sweeps]"` brings one, in either order."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

FILES = {
    "sweeps/__init__.py": "from pathlib import Path\nPath('ran').touch()\n",
    "sweeps/bayes_search.py": "",
    "sweeps/config/__init__.py": "",
}


@pytest.fixture
def foreign(hand_made: Callable[[str, Mapping[str, str]], Path]) -> Path:
    return hand_made("foreign-sweeps", FILES)


def refused(environment: Any, *facts: str) -> None:
    """Both ways in say the same, and nothing foreign runs."""
    for enter in (environment.acgkd, environment.run_module):
        done = enter("list", "reports")
        assert done.returncode == 1
        assert done.stdout == ""
        assert done.stderr.startswith("Error: The package `sweeps` must be the one ")
        assert done.stderr.count("\n") == 1
        for fact in facts:
            assert fact in done.stderr
    assert not (environment.work / "ran").exists()


def works(environment: Any) -> None:
    for enter in (environment.acgkd, environment.run_module):
        done = enter("list", "reports")
        assert done.returncode == 0, done.stderr
        assert "sweep" in done.stdout


DOCTOR = """
import json
from pathlib import Path
from sweeps.cli.commands.doctor import CHECKS
print(json.dumps(list(dict(CHECKS)["packages"](Path()))))
"""


def notes(environment: Any) -> list[str]:
    """What `acgkd doctor` says of packages, without its look at devices, which costs seconds."""
    (state, _), *others = json.loads(environment.call(DOCTOR).stdout)
    assert state == "ok"
    assert {state for state, _ in others} <= {"note"}
    return [text for _, text in others]


@pytest.mark.slow
def test_installed_after_ours_it_is_refused_until_ours_is_put_back(
    environment: Any, wheel: Path, foreign: Path
) -> None:
    environment.install(wheel)
    works(environment)
    environment.install(foreign)
    file = str(environment.site / "sweeps" / "__init__.py")
    refused(environment, file, "overwritten by `foreign-sweeps 1.0`", "--force-reinstall")
    environment.install("--force-reinstall", wheel)  # as the message says
    works(environment)
    assert notes(environment)
    # To remove theirs takes a file of ours with it.
    environment.pip("uninstall", "--yes", "foreign-sweeps")
    refused(environment, str(environment.site / "sweeps"), "no `__init__.py` is left", "--force-reinstall")
    environment.install("--force-reinstall", wheel)
    works(environment)
    assert not notes(environment)


@pytest.mark.slow
def test_installed_before_ours_it_is_overwritten_and_doctor_says_so(
    environment: Any, wheel: Path, foreign: Path
) -> None:
    environment.install(foreign)
    environment.install(wheel)
    works(environment)
    assert (environment.site / "sweeps" / "bayes_search.py").is_file()
    (note,) = notes(environment)
    assert note.startswith("`foreign-sweeps 1.0` has a package `sweeps` too, and acgkd's was installed over it")


@pytest.mark.slow
def test_in_a_folder_that_comes_first_its_owner_is_named(environment: Any, wheel: Path, foreign: Path) -> None:
    environment.install(wheel)
    environment.install("--target", environment.work / "first", foreign)
    (environment.site / "first.pth").write_text(
        f"import sys; sys.path.insert(0, {str(environment.work / 'first')!r})\n"
    )
    refused(environment, str(environment.work / "first" / "sweeps" / "__init__.py"), "belongs to `foreign-sweeps 1.0`")


@pytest.mark.slow
def test_in_a_folder_that_comes_last_it_is_a_note(environment: Any, wheel: Path, foreign: Path) -> None:
    environment.install(wheel)
    environment.install("--target", environment.work / "last", foreign)
    (environment.site / "last.pth").write_text(f"{environment.work / 'last'}\n")
    works(environment)
    (note,) = notes(environment)
    assert note == (
        f"`foreign-sweeps 1.0` has a package `sweeps` too, in {environment.work / 'last' / 'sweeps'}: "
        "`import sweeps` gives acgkd's"
    )
