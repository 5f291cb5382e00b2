"""Files of students that lie on an object store."""

import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from acgkd.errors import CheckpointError

# `Path` makes one slash of two.
_ADDRESS = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):/+(.+)", re.DOTALL)


@contextmanager
def local_file(place: str | Path) -> Iterator[Path]:
    """A file as it is on this machine; for the length of a block, of one whose address is given (``s3://...``).

    Raises:
        CheckpointError: it cannot be fetched.
    """
    found = _ADDRESS.fullmatch(str(place))
    if found is None:
        yield Path(place)
        return
    address = f"{found[1].lower()}://{found[2]}"
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
