"""`events.jsonl`: what happened to a sweep, one JSON object a line. For tools: the engine decides nothing by it."""

import json
import math
import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

SCHEMA_VERSION = 1


class EventLog:
    """The file, to which the driver alone adds lines.

    Args:
        path: the file; it need not exist yet.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._torn = False

    def __iter__(self) -> Iterator[dict[str, object]]:
        """The events that can be read, in order of the file."""
        try:
            text = self.path.read_bytes() if self.path.is_file() else b""  # of a pipe or a device there is no end
        except OSError:
            return
        for line in text.split(b"\n"):
            with suppress(ValueError):
                event = json.loads(line)
                if isinstance(event, dict):
                    yield event

    def repair(self) -> None:
        """Cuts a torn last line off, which a killed driver or a full disk has left; never an error."""
        self._torn = True
        if self.path.exists() and not self.path.is_file():
            return
        with suppress(OSError), self.path.open("rb+") as file:
            size = file.seek(0, os.SEEK_END)
            end = size
            while end > 0:
                start = max(0, end - 65536)
                file.seek(start)
                found = file.read(end - start).rfind(b"\n")
                end = start + found + 1 if found >= 0 else start
                if found >= 0:
                    break
            if end < size:
                file.truncate(end)
        self._torn = False

    def add(self, event: Mapping[str, object]) -> bool:
        """Adds a line by one write.

        Args:
            event: plain values; numbers that are not finite become null.

        Returns:
            Whether it is there now; an error is the file's alone, and what is missing may be added later.
        """
        line = json.dumps({"schema_version": SCHEMA_VERSION, **_finite(event)}, ensure_ascii=False, allow_nan=False)
        data = f"{line}\n".encode()
        if self._torn:
            self.repair()
        try:
            handle = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK, 0o644)
            try:
                self._torn = os.write(handle, data) < len(data)
            finally:
                os.close(handle)
        except OSError:
            self._torn = True
        return not self._torn


def _finite(value: Mapping[str, object]) -> dict[str, object]:
    return {str(key): _plain(item) for key, item in value.items()}


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return _finite(value)
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if value is None or isinstance(value, str | bool | int | float) else str(value)
