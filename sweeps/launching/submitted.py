"""A submitted driver's first steps, on the cluster: `python -m sweeps.launching.submitted DIR SPEC [OPTION...]`.

What travelled lies in a folder that Ray removes, and that other nodes may not have. It is put into the sweep folder,
where every start finds it under the same path; then this process becomes `acgkd run`.
"""

import json
import os
import shutil
import sys
from pathlib import Path

from acgkd.errors import AcgkdError, FolderInUseError
from acgkd.exit_codes import ExitCode
from acgkd.files.addresses import address_of
from sweeps.engine.startup import reserve
from sweeps.store.sharing.lease import lock_of

FILES = "job"
_JOB = "RAY_JOB_CONFIG_JSON_ENV_VAR"


def main(folder: str, spec: str, *options: str) -> int:
    """Puts what travelled into the sweep folder and becomes the driver.

    Args:
        folder: of the sweep.
        spec: name of the spec's file in the current folder.
        options: of `acgkd run`.

    Returns:
        An exit code, where there is no driver.
    """
    try:
        if address_of(folder) is None:  # else nodes share no folder, and Ray brings to each what travelled
            home = Path(folder)
            lock_of(home).require_free()
            reserve(home)
            os.chdir(_keep(Path.cwd(), home / "launch"))
            _no_working_dir()
    except AcgkdError as error:
        print(f"Error: {error}", file=sys.stderr)
        return ExitCode.IN_USE if isinstance(error, FolderInUseError) else ExitCode.BAD_INPUT
    command = ["-P", "-m", "acgkd", "run", spec, "--out", folder, "--address", "auto", *options]
    os.execv(sys.executable, [sys.executable, *command])


def _keep(travelled: Path, launch: Path) -> Path:
    launch.mkdir(exist_ok=True)
    fresh, kept = launch / f".{FILES}-{os.getpid()}", launch / FILES
    shutil.copytree(travelled, fresh)
    if kept.is_dir():
        shutil.rmtree(kept)
    fresh.rename(kept)
    return kept


def _no_working_dir() -> None:
    """Workers need not get what travelled: they see the sweep folder."""
    config = json.loads(os.environ.get(_JOB, "{}"))
    if config.get("runtime_env", {}).pop("working_dir", None) is not None:
        os.environ[_JOB] = json.dumps(config)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
