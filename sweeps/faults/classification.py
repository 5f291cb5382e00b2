"""Whose fault an exception is.

A bug looks the same wherever it runs, so it is the trial's. What a machine, a node or the platform does to a trial is
known by its kind: an errno, a class, or the text of a device error. What is not known to be one of these is the
trial's own.
"""

import errno
import re
import sys
import traceback
from collections.abc import Iterator

from acgkd.errors import AcgkdError, DivergedError, NodeError, place_of
from analysis.records.record import Cause, Outcome
from sweeps.faults.failure import Failure, JobFailedError
from sweeps.faults.timeouts import StepTimeoutError

# Errors of a disk, a network filesystem or the system's own limits; a wrong path or a missing right is a bug.
_ERRNO_NAMES = (
    *("EIO", "ESTALE", "ENXIO", "ENODEV", "EREMOTEIO", "EROFS", "EUCLEAN", "ENOLCK", "ENFILE", "EMFILE", "ENOBUFS"),
    *("ETIMEDOUT", "EHOSTDOWN", "EHOSTUNREACH", "ENETDOWN", "ENETUNREACH", "ENOTCONN", "ECONNRESET", "ECONNABORTED"),
)
MACHINE_ERRNOS = frozenset(getattr(errno, name) for name in _ERRNO_NAMES if hasattr(errno, name))
_NODE = re.compile(
    r"no kernel image is available|no CUDA-capable device|CUDA driver version is insufficient|invalid device ordinal"
    r"|No CUDA GPUs are available|forward compatibility was attempted|NVIDIA driver on your system is too old",
    re.IGNORECASE,
)
_MACHINE = re.compile(
    r"uncorrectable (?:NVLink|ECC)|ECC error|hardware|device(?:s)? (?:is|are) (?:busy|unavailable|lost)|GPU is lost"
    r"|fallen off the bus|CUDA error: (?!.*(?:device-side assert|out of memory|invalid (?:argument|configuration)))"
    r"|CUBLAS_STATUS_(?:NOT_INITIALIZED|ALLOC_FAILED|EXECUTION_FAILED|INTERNAL_ERROR)"
    r"|cuDNN error: CUDNN_STATUS_(?:NOT_INITIALIZED|INTERNAL_ERROR|EXECUTION_FAILED)|NCCL error"
    r"|Input/output error|Stale file handle|Too many open files|can't start new thread",
    re.IGNORECASE,
)
_MEMORY = re.compile(r"can't allocate memory|DefaultCPUAllocator|std::bad_alloc|out of memory", re.IGNORECASE)
_DEVICE_CLASSES = ("AcceleratorError", "RuntimeError")
_SHOWN_LINES = 40


def failure_of(error: BaseException) -> Failure:
    """How an attempt failed that raised `error`.

    Args:
        error: with its chain of causes.
    """
    if isinstance(error, JobFailedError):
        return error.failure
    outcome = outcome_of(error)
    cause: Cause = "trial" if outcome != "failed" else _cause(error)
    message = f"{type(error).__name__}: {error}".strip()
    shown = [] if isinstance(error, AcgkdError) else traceback.format_exception(error)
    trace = "\n".join("".join(shown).splitlines()[-_SHOWN_LINES:])
    failure = Failure(cause, outcome if cause == "trial" else "lost", message, trace)
    return failure.at(*place_of(error))


def outcome_of(error: BaseException) -> Outcome:
    """The outcome of a replicate that raised `error`, if it is to blame for it."""
    torch = sys.modules.get("torch")
    if isinstance(error, DivergedError):
        return "diverged"
    if isinstance(error, StepTimeoutError):
        return "timed_out"
    if isinstance(error, MemoryError) or (torch is not None and isinstance(error, torch.OutOfMemoryError)):
        return "out_of_memory"
    if isinstance(error, RuntimeError) and _MEMORY.search(str(error)):
        return "out_of_memory"  # torch's allocator on the CPU has no class of its own
    if isinstance(error, OSError) and error.errno == errno.ENOMEM:
        return "out_of_memory"
    return "failed"


def _cause(error: BaseException) -> Cause:
    for link in chain(error):
        if isinstance(link, NodeError):
            return "node"
        if isinstance(link, OSError) and link.errno in MACHINE_ERRNOS:
            return "machine"
        if type(link).__name__ in _DEVICE_CLASSES:
            if _NODE.search(str(link)):
                return "node"
            if _MACHINE.search(str(link)):
                return "machine"
    return "trial"


def chain(error: BaseException) -> Iterator[BaseException]:
    """An exception, what caused it, what caused that, and so on; each once."""
    seen: set[int] = set()
    link: BaseException | None = error
    while link is not None and id(link) not in seen:
        seen.add(id(link))
        yield link
        link = link.__cause__ or link.__context__
