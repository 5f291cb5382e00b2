"""Objects of one folder on an object store: read and written whole, created once or not at all.

What the network or the store refuses for a while is tried again; what waiting does not mend is one sentence.
"""

import contextlib
import time
import uuid
from collections.abc import Callable, Collection, Iterable
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import TypeVar

from acgkd.errors import FolderError, StorageError
from acgkd.files.whole import replaced
from analysis.stores.filesystems import Listed, filesystem, line, listed, no_bucket, not_exclusive, refusal

Answer = TypeVar("Answer")

PATIENCE_S = 60.0
OPENING_S = 10.0
LONGEST_PAUSE_S = 5.0
_FINAL = (FileNotFoundError, FileExistsError, IsADirectoryError, NotImplementedError, KeyboardInterrupt)
KEPT = "Everything finished so far is kept; start the same command again."


class ObjectStore:
    """A folder on an object store. Keys are relative to it, with slashes.

    Args:
        address: ``s3://bucket/name``. Who we are, and where the store is, comes from the environment and the instance
            alone, as the store's own tools take it (``AWS_...``).

    Raises:
        FolderError: no such store can hold a sweep, or what it needs is not installed.
    """

    def __init__(self, address: str) -> None:
        self.address = address
        self.patience_s = PATIENCE_S
        self._files = filesystem(address)
        self._root = str(self._files._strip_protocol(address)).rstrip("/")
        if not self._root:
            raise FolderError(f"A sweep needs a bucket and a name in it, as in s3://bucket/name, but got {address}.")
        if {".", ".."} & set(self._root.split("/")):  # objects have names and no folders above them
            raise FolderError(f"An address on an object store is written out, without `.` and `..`, but got {address}.")

    # ---- reading

    def read(self, key: str) -> bytes:
        """All of an object.

        Raises:
            FileNotFoundError: there is none.
            StorageError: the store cannot be read.
        """
        return bytes(self._patiently(lambda: self._files.cat_file(self._path(key))))

    def read_many(self, keys: Collection[str]) -> dict[str, bytes]:
        """Objects by key, many at a time; those that are gone are left out.

        Raises:
            StorageError: the store cannot be read.
        """
        if not keys:
            return {}
        paths = {self._path(key): key for key in keys}
        found: dict[str, bytes] = {}

        def rest() -> None:
            left = [path for path, key in paths.items() if key not in found]
            answers = self._files.cat(left, on_error="return")
            for path, answer in (answers if isinstance(answers, dict) else {left[0]: answers}).items():
                if isinstance(answer, bytes):
                    found[paths[path]] = answer
                elif isinstance(answer, FileNotFoundError):
                    paths.pop(path)
                else:
                    raise answer

        def remaining() -> None:
            if any(key not in found for key in paths.values()):
                with contextlib.suppress(FileNotFoundError):
                    rest()

        self._patiently(remaining)
        return found

    def exists(self, key: str) -> bool:
        """Whether there is such an object."""
        return key in self.listed(key)

    def listed(self, prefix: str = "") -> dict[str, Listed]:
        """All objects whose keys begin so, or that of this very key.

        Raises:
            StorageError: the store cannot be read.
        """
        start = len(self._root) + 1
        folder, _, name = prefix.rpartition("/")
        place = f"{self._root}/{folder}" if folder else self._root
        found = self._patiently(lambda: self._find(place, name))
        return {str(path)[start:]: listed(facts) for path, facts in found.items() if facts.get("type") == "file"}

    def _find(self, place: str, name: str) -> dict[str, dict[str, object]]:
        try:
            found: dict[str, dict[str, object]] = self._files.find(place, prefix=name, detail=True)
        except FileNotFoundError as error:  # of a bucket: a folder without objects is an empty one
            raise FolderError(no_bucket(self.address)) from error
        return found

    def age_s(self, key: str) -> float | None:
        """Seconds since an object was written; None where there is none.

        On S3 both moments are by the store's clock. Other stores do not say what time it is: there the second is by
        this machine's, whose clock must be right.

        Raises:
            StorageError: the store cannot be read.
        """
        return self._patiently(lambda: self._age_s(self._path(key)))

    def _age_s(self, path: str) -> float | None:
        try:
            if hasattr(self._files, "call_s3"):
                bucket, name, _ = self._files.split_path(path)
                facts = self._files.call_s3("head_object", Bucket=bucket, Key=name)
                now = parsedate_to_datetime(facts["ResponseMetadata"]["HTTPHeaders"]["date"])
                return float((now - facts["LastModified"]).total_seconds())
            written_at = listed(self._files.info(path)).written_at
        except FileNotFoundError:
            return None
        return None if written_at is None else time.time() - written_at

    # ---- writing

    def write(self, key: str, content: bytes) -> None:
        """Replaces an object: whoever reads sees the old one or the new one.

        Raises:
            StorageError: it cannot be written.
        """
        self._patiently(lambda: self._files.pipe_file(self._path(key), content))

    def write_file(self, key: str, path: Path) -> None:
        """The same with the content of a file."""
        self._patiently(lambda: self._files.put_file(str(path), self._path(key)))

    def read_file(self, key: str, path: Path) -> None:
        """Writes an object into a file beside `path`, and gives it its name.

        Raises:
            FileNotFoundError: there is no such object.
            StorageError: the store cannot be read.
        """
        with replaced(path) as part:
            self._patiently(lambda: self._files.get_file(self._path(key), str(part)))

    def create(self, key: str, content: bytes) -> bool:
        """Writes an object unless there is one.

        Returns:
            Whether it holds this content now, and not another's: of several that write different ones, one gets True.

        Raises:
            StorageError: it cannot be written.
        """
        try:
            self._patiently(lambda: self._files.pipe_file(self._path(key), content, mode="create"))
        except FileExistsError:
            try:  # an answer may have been lost on the way, and the object be ours
                return self.read(key) == content
            except FileNotFoundError:
                return False
        return True

    def remove(self, keys: Iterable[str]) -> None:
        """Removes objects; those that are gone already are nobody's concern.

        Raises:
            StorageError: the store cannot be written.
        """
        paths = [self._path(key) for key in keys]
        if paths:
            with contextlib.suppress(FileNotFoundError):
                self._patiently(lambda: self._files.rm(paths))

    def require_writable(self) -> None:
        """Creates an object twice, which must fail the second time, and removes it.

        Raises:
            FolderError: the store cannot be written, or creates what is there already: a record could be lost then.
        """
        key = f".acgkd-{uuid.uuid4().hex}"
        before, self.patience_s = self.patience_s, OPENING_S
        try:
            self._patiently(lambda: self._files.pipe_file(self._path(key), b"first", mode="create"))
            try:
                self._patiently(lambda: self._files.pipe_file(self._path(key), b"second", mode="create"))
            except FileExistsError:
                return
            finally:
                with contextlib.suppress(FileNotFoundError):
                    self._patiently(lambda: self._files.rm_file(self._path(key)))
        except FileNotFoundError as error:
            raise FolderError(no_bucket(self.address)) from error
        except (NotImplementedError, TypeError, ValueError) as error:
            raise FolderError(not_exclusive(self.address)) from error
        except StorageError as error:
            raise FolderError(str(error)) from error
        finally:
            self.patience_s = before
        raise FolderError(not_exclusive(self.address))

    # ---- patience

    def _path(self, key: str) -> str:
        return f"{self._root}/{key}"

    def _patiently(self, act: Callable[[], Answer]) -> Answer:
        """Does something, again and again while the store does not answer.

        Raises:
            StorageError: it refuses, or has not answered for long.
        """
        began, pause = time.monotonic(), 0.1
        while True:
            try:
                return act()
            except (*_FINAL, FolderError):
                raise
            except Exception as error:
                final = refusal(error, self.address)
                if final is not None:
                    raise StorageError(final) from error
                if isinstance(error, TypeError | ValueError):
                    raise
                waited = time.monotonic() - began
                if waited > self.patience_s:
                    raise StorageError(
                        f"The object store must answer, but {self.address} has not for {waited:.0f} s "
                        f"({type(error).__name__}: {line(error)}). {KEPT}"
                    ) from error
            time.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE_S)
