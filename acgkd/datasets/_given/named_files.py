"""Files that a spec names: digests of what is in them."""

import hashlib
from pathlib import Path

from acgkd.config import DatasetConfig, TeacherConfig
from acgkd.datasets._given.entries import digest_at
from acgkd.errors import ConfigError


def digests(dataset: DatasetConfig | None, teacher: TeacherConfig) -> dict[str, str]:
    """The files of both sections, by slash path, each as a digest of what is in it.

    Raises:
        ConfigError: one cannot be read.
        DataError: the same of data.
    """
    named = {"dataset/split_file": dataset and dataset.split_file, "teacher/checkpoint": teacher.checkpoint}
    found = {path: _digest(Path(file)) for path, file in named.items() if file}
    if dataset is not None and dataset.path is not None:
        found["dataset/path"] = f"sha256 {digest_at(dataset.path)}"
    return found


def _digest(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return f"sha256 {hashlib.file_digest(file, 'sha256').hexdigest()[:16]}"
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}.") from error
