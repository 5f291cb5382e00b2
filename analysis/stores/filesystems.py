"""The filesystems of fsspec that can hold a sweep, and what their errors mean."""

import contextlib
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from acgkd.errors import FolderError

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

# Stores that create an object only if there is none, in one step.
SCHEMES = ("s3", "s3a", "gs", "gcs", "az", "abfs", "abfss")
_TIMES = {"connect_timeout": 5, "read_timeout": 20, "retries": {"max_attempts": 1}}


@dataclass(frozen=True)
class Listed:
    """An object, as a listing has it.

    Args:
        version: differs where the content does.
        written_at: by the store's clock, seconds since 1970; None where the store does not say.
    """

    version: str
    written_at: float | None


def filesystem(address: str) -> "AbstractFileSystem":
    """The filesystem that an address is on; nothing is asked of the store yet.

    Raises:
        FolderError: it is none that can hold a sweep, or what it needs is not installed.
    """
    scheme = address.partition("://")[0]
    if scheme in ("file", "local"):
        raise FolderError(
            f"A folder of this machine is named by its path, `/{address.partition('://')[2]}`, but got {scheme}://."
        )
    if scheme not in SCHEMES:
        raise FolderError(not_exclusive(address))
    import fsspec

    more: dict[str, object] = {"config_kwargs": _TIMES} if scheme in ("s3", "s3a") else {}
    try:
        # Its own object, since we keep one for each process: nothing that it knows of listings can be old.
        files = fsspec.filesystem(scheme, use_listings_cache=False, skip_instance_cache=True, **more)
    except ImportError as error:
        package = {"s3": "acgkd[storage]", "s3a": "acgkd[storage]", "gs": "gcsfs", "gcs": "gcsfs"}.get(scheme, "adlfs")
        raise FolderError(
            f"A folder on {scheme}:// needs a package that is not installed ({line(error)}): pip install '{package}'."
        ) from error
    if hasattr(files, "retries"):
        files.retries = 2
    return files


def listed(facts: dict[str, object]) -> Listed:
    """An object by what its filesystem says of it; each kind has names of its own."""
    written = next((facts[name] for name in ("LastModified", "last_modified", "updated", "mtime") if name in facts), "")
    version = next((facts[name] for name in ("ETag", "etag", "generation", "md5Hash") if facts.get(name)), written)
    if isinstance(written, str):
        with contextlib.suppress(ValueError):
            written = datetime.fromisoformat(written)
    at = written.timestamp() if hasattr(written, "timestamp") else written
    return Listed(str(version).strip('"'), at if isinstance(at, int | float) else None)


def refusal(error: Exception, address: str) -> str | None:
    """What is said of an error that waiting does not mend; None of any other."""
    kind = type(error).__name__
    if kind in ("NoCredentialsError", "PartialCredentialsError", "ProfileNotFound", "DefaultCredentialsError"):
        return (
            f"The object store must know who we are, but for {address} there are no credentials ({line(error)}). Set "
            "them as its own tools take them: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, AWS_PROFILE, or a role."
        )
    misnamed = kind in ("ParamValidationError", "EndpointResolutionError", "InvalidRegionError")
    if misnamed or (isinstance(error, ValueError) and "endpoint" in str(error).lower()):
        return (
            f"{address} must name a bucket, and AWS_ENDPOINT_URL_S3 (where it is set) the address of a server, as in "
            f"http://host:9000, but: {line(error)}"
        )
    if isinstance(error, PermissionError):
        return f"The object store must let us in, but {address} refuses: {line(error)}. Give yourself access to it."
    if isinstance(error, OSError) and error.errno == 22:
        return f"{address} must name a place on an object store, but: {line(error)}"
    return None


def line(error: Exception) -> str:
    """An error's text, on one line."""
    return " ".join((str(error) or type(error).__name__).split())[:200]


def no_bucket(address: str) -> str:
    """What is said where there is no such bucket."""
    return f"The bucket must be there, but that of {address} is not. Make it, or correct the address."


def not_exclusive(address: str) -> str:
    """What is said of a store that may lose a record."""
    return (
        f"A sweep needs a store that creates an object only if there is none, in one step, but {address} is on one "
        "that does not, or is not known to. Stores that do: s3:// (conditional writes), gs://, az://; or name a folder."
    )
