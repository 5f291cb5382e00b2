"""Looks whether Ray will let us in, and has room for a trial, before Ray itself spends long finding out."""

import os
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from acgkd.errors import ConfigError, SweepError
from sweeps.executors.ray.memory_needs import GB
from sweeps.spec.sections import Resources
from sweeps.store.batch_job import batch_job

REACH_S = 3.0
ANSWER_S = 20.0
_PROBE = "import sys; from ray._raylet import GcsClient; print('asks', flush=True); GcsClient(address=sys.argv[1])"


def preflight(address: str) -> str:
    """Makes sure that a cluster is there and takes our token.

    Args:
        address: as `ray.init` takes it: ``auto``, ``host:port``; ``ray://`` addresses are left to Ray.

    Returns:
        Its host and port.

    Raises:
        ConfigError: it is no such address.
        SweepError: nothing answers there, or the token is missing or wrong; the message names node and path.
    """
    if address.startswith("ray://"):
        return address
    where = _resolve(address)
    token = _token_source()
    host, _, port = where.rpartition(":")
    if not port.isdecimal() or not host or "/" in host:
        server = "; that is a job server, to which `acgkd submit` hands a sweep" if where.startswith("http") else ""
        raise ConfigError(f"A Ray cluster is named HOST:PORT, with 6379 as a rule, or `auto`, but got {where}{server}.")
    try:
        socket.create_connection((host, int(port)), timeout=REACH_S).close()
    except (OSError, ValueError) as error:
        raise SweepError(
            f"A Ray cluster must answer at {where}, but: {error}. Start one with `ray start --head`, or leave "
            "`--address` out."
        ) from error
    code, said = _asked(where)
    if code is None:
        raise SweepError(f"A Ray cluster must answer at {where}, but what listens there says nothing.")
    if code == 0:
        return where
    if "AuthToken" in said or "AuthenticationError" in said:
        raise SweepError(
            f"The cluster at {where} wants its token, but {socket.gethostname()} {token}. Set RAY_AUTH_MODE=token "
            "and RAY_AUTH_TOKEN_PATH to the same token on every node, here included."
        )
    lines = [line for line in said.splitlines() if line.strip()]
    raise SweepError(f"A Ray cluster must answer at {where}, but: {lines[-1] if lines else code}")


def _asked(where: str) -> tuple[int | None, str]:
    """How asking a cluster ended, and what was said; no code where it did not answer in time.

    It is asked in a process of its own: Ray's client ends the whole process where the token's file is not there.
    """
    command = [sys.executable, "-c", _PROBE, where]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as probe:
        assert probe.stdout is not None, "it is a pipe"
        probe.stdout.readline()  # how long Ray takes to be imported here says nothing of the cluster
        try:
            said = probe.communicate(timeout=ANSWER_S)[1]
            return probe.returncode, said
        except subprocess.TimeoutExpired:
            probe.kill()
            return None, probe.communicate()[1]


def check_room(there: Mapping[str, float], wanted: Resources) -> None:
    """Makes sure that one trial fits into this machine, to which no other node will come: Ray would wait for ever.

    Args:
        there: what Ray has, `CPU`, `GPU` and `memory`.
        wanted: what a trial takes.

    Raises:
        SweepError: it takes more.
    """
    cores, devices, memory = there.get("CPU", 0.0), there.get("GPU", 0.0), there.get("memory", 0.0)
    if wanted.cpu > cores or wanted.gpu > devices:
        raise SweepError(
            f"A trial must fit into this machine, but takes {wanted.cpu:g} CPU and {wanted.gpu:g} GPU, and Ray finds "
            f"{cores:g} and {devices:g}. Lower `resources` (without a GPU: `--set resources/gpu=0 --set device=auto`), "
            "or name a cluster with `--address`."
        )
    if isinstance(wanted.memory, float) and wanted.memory * GB > memory:
        raise SweepError(
            f"A trial must fit into this machine, but takes {wanted.memory:g} GB of memory, and {memory / GB:.1f} are "
            "free. Lower `resources/memory`, or name a cluster with `--address`."
        )


def _resolve(address: str) -> str:
    """Host and port of a cluster.

    Raises:
        SweepError: `auto`, and there is none on this machine or more than one, or we are in a batch job, where a
            cluster on the same machine may well be a neighbour's.
    """
    if address != "auto":
        return address
    named = os.environ.get("RAY_ADDRESS")
    if named and named != "auto":
        return named
    job = batch_job()
    if job is not None:
        raise SweepError(
            f"Inside a batch job the cluster must be named, but this is {job}, and `--address auto` may find a "
            "neighbour's. Give `--address host:port`, or set RAY_ADDRESS."
        )
    from ray._private.services import find_gcs_addresses

    find_gcs_addresses.cache_clear()
    found = sorted(map(str, find_gcs_addresses()))
    if not found:
        raise SweepError(
            "`--address auto` needs a Ray cluster that runs on this machine, but there is none. "
            "Start one with `ray start --head`, or leave `--address` out."
        )
    if len(found) > 1:
        raise SweepError(
            f"`--address auto` needs one Ray cluster on this machine, but there are {len(found)}: {', '.join(found)}. "
            "Name yours with `--address`."
        )
    return found[0]


def _token_source() -> str:
    """Which token this process would show, as what its machine `has` or `shows`.

    Raises:
        SweepError: it would show one from a file that is not there.
    """
    mode, path = os.environ.get("RAY_AUTH_MODE", ""), os.environ.get("RAY_AUTH_TOKEN_PATH")
    if os.environ.get("RAY_AUTH_TOKEN"):
        return _shown("RAY_AUTH_TOKEN", mode)
    if path is not None:
        if mode == "token" and not Path(path).is_file():
            raise SweepError(
                f"RAY_AUTH_TOKEN_PATH must name a file with the cluster's token, but on {socket.gethostname()} there "
                f"is none at {path}."
            )
        return _shown(path, mode)
    default = Path.home() / ".ray" / "auth_token"
    if not default.is_file():
        if mode == "token":
            raise SweepError(
                f"RAY_AUTH_MODE=token needs a token, but {socket.gethostname()} has none: neither RAY_AUTH_TOKEN nor "
                f"RAY_AUTH_TOKEN_PATH is set, and there is no {default}."
            )
        return f"has none (no RAY_AUTH_TOKEN_PATH, no {default})"
    return _shown(str(default), mode)


def _shown(place: str, mode: str) -> str:
    # `ray start --head` asks for a token though nothing is set; others show theirs with this alone.
    if mode == "token":
        return f"has another one in {place}"
    return f"shows none: the one in {place} is used with RAY_AUTH_MODE=token alone"
