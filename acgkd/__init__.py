"""Data-free knowledge distillation: a trained teacher, without its data, becomes a small student.

Importing this package does nothing else: no torch, no device, no seed. The public names are resolved on first use.
`acgkd.errors` has all exceptions of the three packages as one tree.
"""

from typing import TYPE_CHECKING

__version__ = "0.1.0"
__distribution__ = "acgkd"

if TYPE_CHECKING:
    from acgkd.config import PriorConfig
    from acgkd.errors import (
        AcgkdError,
        AnalysisError,
        CheckpointError,
        ConfigError,
        DamagedFileError,
        DataError,
        DivergedError,
        FolderError,
        FolderInUseError,
        ForeignPackageError,
        FrameError,
        MissingFolderError,
        NewerVersionError,
        NodeError,
        NothingToShowError,
        OtherCodeError,
        PairingError,
        RayLostError,
        RecordError,
        RepeatedFailureError,
        SourceError,
        SpecError,
        StorageError,
        SweepError,
        TeacherError,
        UnknownNameError,
        UnknownReportError,
    )
    from acgkd.modules.columns import embed_kinds
    from acgkd.plugins import use_plugins
    from acgkd.run.direct import Distilled, distill
    from acgkd.students.exporting import Exported, export_student
    from acgkd.students.saving import load_student
    from acgkd.teachers.teacher import adapt, load_weights

__all__ = [
    "AcgkdError",
    "AnalysisError",
    "CheckpointError",
    "ConfigError",
    "DamagedFileError",
    "DataError",
    "Distilled",
    "DivergedError",
    "Exported",
    "FolderError",
    "FolderInUseError",
    "ForeignPackageError",
    "FrameError",
    "MissingFolderError",
    "NewerVersionError",
    "NodeError",
    "NothingToShowError",
    "OtherCodeError",
    "PairingError",
    "PriorConfig",
    "RayLostError",
    "RecordError",
    "RepeatedFailureError",
    "SourceError",
    "SpecError",
    "StorageError",
    "SweepError",
    "TeacherError",
    "UnknownNameError",
    "UnknownReportError",
    "__version__",
    "adapt",
    "distill",
    "embed_kinds",
    "export_student",
    "load_student",
    "load_weights",
    "use_plugins",
]

_HOMES = {
    "Distilled": "acgkd.run.direct",
    "Exported": "acgkd.students.exporting",
    "PriorConfig": "acgkd.config",
    "adapt": "acgkd.teachers.teacher",
    "distill": "acgkd.run.direct",
    "embed_kinds": "acgkd.modules.columns",
    "export_student": "acgkd.students.exporting",
    "load_student": "acgkd.students.saving",
    "load_weights": "acgkd.teachers.teacher",
    "use_plugins": "acgkd.plugins",
}


def __getattr__(name: str) -> object:
    """Imports the home of `name` only when somebody asks for it: `acgkd --help` must not cost torch."""
    if name not in __all__:
        raise AttributeError(f"module 'acgkd' has no attribute {name!r}. Public names: {', '.join(__all__)}.")
    from importlib import import_module

    return getattr(import_module(_HOMES.get(name, "acgkd.errors")), name)


def __dir__() -> list[str]:
    return sorted([*__all__, "__distribution__"])
