"""Files of students that lie on an object store."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from acgkd.errors import CheckpointError
from acgkd.files.addresses import address_of


@contextmanager
def local_file(place: str | Path) -> Iterator[Path]:
    """A file as it is on this machine; for the length of a block, of one whose address is given (``s3://...``).

    Raises:
        CheckpointError: it cannot be fetched, or is one of this machine.
    """
    address = address_of(place)
    if address is None:
        yield Path(place)
        return
    scheme, _, below = address.partition("://")
    if scheme in ("file", "local"):
        raise CheckpointError(f"A file of this machine is named by its path, `/{below}`, but got {scheme}://.")
    import fsspec

    with tempfile.TemporaryDirectory(prefix="acgkd-student-") as folder:
        target = Path(folder) / (address.rpartition("/")[2] or "student")
        try:
            with fsspec.open(address, "rb") as there:
                target.write_bytes(there.read())
        # fsspec raises whatever its backends do: there is no common kind.
        except Exception as error:
            said = str(error).strip() or type(error).__name__
            raise CheckpointError(f"{address} cannot be read: {said.splitlines()[0][:200].rstrip('.')}.") from None
        yield target
