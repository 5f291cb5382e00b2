"""A trial's share of a device's memory: where several share one, none can take what its neighbours need."""

import gc
import sys

# What CUDA itself takes in every process, beside what torch's allocator counts.
CONTEXT_BYTES = 600 * 2**20
LEAST_OF_SHARE = 0.5


def memory_fraction(share: float, total_bytes: int) -> float:
    """How much of a device's memory torch may hand out to a process that has a share of the device.

    Args:
        share: of the device, above 0.
        total_bytes: the device's memory.
    """
    if share >= 1:
        return 1.0
    return share * max(LEAST_OF_SHARE, 1 - CONTEXT_BYTES / (share * total_bytes))


def limit_device_memory(share: float, *, alone: bool) -> None:
    """Holds this process to its share of the memory of each device that it sees; beyond it torch is out of memory.

    Args:
        share: of one device; 0 where devices are not shared out, and nothing is held to anything.
        alone: whether nothing runs beside the job: then it may have all.
    """
    if not 0 < share < 1:
        return
    import torch

    cuda = torch.cuda
    for device in range(cuda.device_count() if cuda.is_available() else 0):
        total = int(cuda.get_device_properties(device).total_memory)
        cuda.set_per_process_memory_fraction(1.0 if alone else memory_fraction(share, total), device)


def free_memory() -> None:
    """Lets go of what a run that ran out of memory still holds."""
    gc.collect()
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        torch.cuda.empty_cache()
