"""Where tensors live and where randomness comes from: one device, named streams, one seed."""

import contextlib
import ctypes
import hashlib
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import torch
from torch import Tensor

from acgkd.errors import ConfigError


def resolve_device(name: str) -> torch.device:
    """The device that `auto`, `cpu` or `cuda` means on this machine.

    Raises:
        ConfigError: it means none, or CUDA was asked for and is not there.
    """
    if name == "auto":
        return torch.device("cuda", torch.cuda.current_device()) if torch.cuda.is_available() else torch.device("cpu")
    if name.startswith("cuda"):
        if not torch.cuda.is_available():
            raise ConfigError("`device: cuda` needs a CUDA device, but torch sees none here. Use `device: auto`.")
        return torch.device("cuda", torch.cuda.current_device()) if name == "cuda" else torch.device(name)
    try:
        return torch.device(name)
    except RuntimeError:
        raise ConfigError(f"`device` must be `auto`, `cpu` or `cuda`, but got '{name}'.") from None


@cache
def warn_once(logger: logging.Logger, message: str) -> None:
    """Logs a warning, once in a process: a sweep makes the same run many times."""
    logger.warning(message)


def synchronize(device: torch.device) -> None:
    """Waits until the device has done all its queued work, so that a clock reads work and not queueing."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def derive_seed(*parts: object) -> int:
    """A 63-bit seed from any plain values; equal parts give equal seeds on every machine."""
    digest = hashlib.sha256("\x1f".join(str(part) for part in parts).encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


class Streams:
    """Named random generators, all derived from one seed; each is made when first asked for.

    Two parts that draw from different names never disturb each other, so adding a draw to one part leaves the
    numbers of all others as they were.

    Args:
        seed: any integer.
        device: where `generator` draws; `host` generators are always on the CPU.
    """

    def __init__(self, seed: int, device: torch.device) -> None:
        self.seed = seed
        self.device = device
        self._base = seed  # what generators are derived from
        self._generators: dict[str, torch.Generator] = {}

    def _get(self, name: str, device: torch.device) -> torch.Generator:
        if name not in self._generators:
            generator = torch.Generator(device=device)
            generator.manual_seed(derive_seed(self._base, name))
            self._generators[name] = generator
        return self._generators[name]

    def generator(self, name: str) -> torch.Generator:
        """The generator called `name` on the device."""
        return self._get(f"device/{name}", self.device)

    def host(self, name: str) -> torch.Generator:
        """The generator called `name` on the CPU, for index work that decides shapes."""
        return self._get(f"host/{name}", torch.device("cpu"))

    @contextmanager
    def fork(self, name: str) -> Iterator[None]:
        """Runs a block on a stream of its own where torch draws from its global generators.

        Parameter initialisation and dropout leave no other choice. The global state is put back at the end.
        """
        key = f"fork/{name}"
        devices = [self.device] if self.device.type == "cuda" else []
        with torch.random.fork_rng(devices=devices):
            if key in self._generators:
                torch.set_rng_state(self._generators[key].get_state())
            else:
                torch.default_generator.manual_seed(derive_seed(self._base, key))
            if devices:
                # The device stream follows from the host stream, so one saved state restores both.
                torch.cuda.manual_seed(int(torch.randint(2**62, (), device="cpu")))
            try:
                yield
            finally:
                kept = torch.Generator(device="cpu")
                kept.set_state(torch.get_rng_state())
                self._generators[key] = kept

    @contextmanager
    def aside(self, name: str) -> Iterator[None]:
        """Runs a block that draws from other generators under the same names, all derived from the seed and `name`.

        At its end every generator is as it was before: what happens aside, nobody else notices.
        """
        seed, base, kept = self.seed, self._base, self.state_dict()
        self.seed = self._base = derive_seed(seed, "aside", name)
        self.load_state_dict({})
        try:
            yield
        finally:
            self.seed, self._base = seed, base
            self.load_state_dict(kept)

    def begin_anew(self, *parts: object) -> None:
        """Puts every generator, those to come too, to a start that follows from the seed and `parts`.

        The seed itself stays, and so does what happens aside.
        """
        self._base = derive_seed(self.seed, *parts)
        self.load_state_dict({})

    def state_dict(self) -> dict[str, Tensor]:
        """The state of every generator made so far, by name."""
        return {name: generator.get_state() for name, generator in sorted(self._generators.items())}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Puts every generator of `state` back, and those that it does not know to their start.

        Generators are changed in place: a part that asked for its generator before keeps the right one.
        """
        for name, generator in self._generators.items():
            if name not in state:
                generator.manual_seed(derive_seed(self._base, name))
        for name, value in state.items():
            if name not in self._generators:
                self._generators[name] = torch.Generator(device=self.device if name.startswith("device/") else "cpu")
            self._generators[name].set_state(value.to("cpu"))


def backward(loss: Tensor) -> None:
    """`loss.backward()`, typed: torch's own is not."""
    loss.backward()  # type: ignore[no-untyped-call]


def backward_to(parameters: Sequence[Tensor], loss: Tensor) -> None:
    """Sets the gradients of these leaves; whatever else the loss depends on gets none, and none is worked out.

    Each gradient lies in memory as its parameter does. That of `torch.autograd.grad` may not, and fused Adam on a CPU
    reads both alike, whatever their strides, and would move the wrong entries.
    """
    for parameter in parameters:
        parameter.grad = None
    torch.autograd.backward(loss, inputs=parameters)


class PeakMemory:
    """The largest memory seen on host and device since the start, kept across resume.

    On Linux the host's high-water mark is put back first, and what the C library keeps of freed memory is given back
    before that, so that a warm worker does not report its past.
    """

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.host_bytes: int | None = None
        self.device_bytes: int | None = None
        trim = _of_glibc("malloc_trim")
        if trim is not None:
            trim(0)
        with contextlib.suppress(OSError):
            Path("/proc/self/clear_refs").write_text("5")
        if device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(device)

    def update(self) -> None:
        """Takes the marks of this moment in."""
        with contextlib.suppress(OSError):
            for line in Path("/proc/self/status").read_text().splitlines():
                if line.startswith("VmHWM:"):
                    self.host_bytes = max(self.host_bytes or 0, int(line.split()[1]) * 1024)
        if self.device.type == "cuda":
            self.device_bytes = max(self.device_bytes or 0, int(torch.cuda.max_memory_allocated(self.device)))

    def state_dict(self) -> dict[str, int | None]:
        """Both marks."""
        return {"host": self.host_bytes, "device": self.device_bytes}

    def load_state_dict(self, state: Mapping[str, int | None]) -> None:
        """Takes both marks up."""
        self.host_bytes, self.device_bytes = state["host"], state["device"]


_BY_DEFAULT = 128 << 10  # bytes, of all three limits


def _of_glibc(name: str) -> Callable[..., int] | None:
    """A function of the GNU C library; None where there is another one, or none of that name."""
    try:
        function: Callable[..., int] = getattr(ctypes.CDLL("libc.so.6"), name)
        return function
    except (OSError, AttributeError):
        return None


def keep_freed_memory(keep: bool = True) -> bool:
    """Tells the C library to keep the memory that torch frees, instead of handing it back at every step.

    glibc gives a large tensor's pages back when it is freed, and the next step faults them in again one by one; on a
    virtual machine that doubles the time of a training loop. Call it once in a process that trains, never on import.

    Args:
        keep: False hands it back from now on, and what was kept at once.

    Returns:
        whether the C library took it (only glibc does).
    """
    m_trim_threshold, m_top_pad, m_mmap_threshold = -1, -2, -3
    mallopt, trim = _of_glibc("mallopt"), _of_glibc("malloc_trim")
    if mallopt is None or trim is None:
        return False
    # 32 MiB is the largest threshold that glibc accepts; larger tensors keep their own mapping.
    wishes = ((m_mmap_threshold, 32 << 20), (m_trim_threshold, 1 << 30), (m_top_pad, 64 << 20))
    taken = all([mallopt(name, value if keep else _BY_DEFAULT) == 1 for name, value in wishes])
    if not keep:
        trim(0)
    return taken
