"""The only door through which files of weights come in: looked at before they are opened.

``torch.load(weights_only=True)`` stops code but not memory: a kilobyte of pickle can ask for gigabytes, and a
deflated megabyte can unfold into one. So size, storage and every name in the pickle are checked first.
"""

import pickletools
import stat
import zipfile
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from acgkd.cache import write_atomic
from acgkd.errors import CheckpointError

MAX_BYTES = 8_000_000_000
_MAX_PICKLE_BYTES = 20_000_000
_TYPES = ("Float", "Double", "Half", "BFloat16", "Long", "Int", "Short", "Char", "Byte", "Bool")
# `UntypedStorage` is missing on purpose: called with a number it allocates that many bytes.
# Tensors, and the ordered mappings that state dicts are; everything else in a checkpoint is plain values.
_GLOBALS = frozenset(
    {
        "collections OrderedDict",
        "torch._utils _rebuild_tensor_v2",
        "torch._utils _rebuild_parameter",
        "torch Size",
        *(f"torch {name}Storage" for name in _TYPES),
    }
)
# Every other opcode that names, calls or builds something is refused with the globals that it would need.
_FORBIDDEN = frozenset({"STACK_GLOBAL", "INST", "OBJ", "NEWOBJ", "NEWOBJ_EX", "EXT1", "EXT2", "EXT4", "PERSID"})
_ADVICE = "Save a state dict of tensors with torch.save(module.state_dict(), path) in torch's zip format."


def save(content: object, path: Path) -> None:
    """Writes tensors and plain values atomically: a crash leaves the old file or none.

    Args:
        content: tensors, None, bools, numbers, strings, and lists, tuples and mappings of them.
        path: the file; its folder is made if need be.

    Raises:
        CheckpointError: `content` holds something that `load` would refuse.
        OSError: the file cannot be written; a full disk, for instance.
    """

    def write(part: Path) -> None:
        try:
            with part.open("wb") as file:
                torch.save(content, file)
        except (OSError, RuntimeError) as error:
            refused = _refusal(error)
            if refused is None:
                raise
            raise OSError(refused.errno, refused.strerror, str(path)) from error
        _inspect(part, MAX_BYTES, path)

    write_atomic(path, write)


def _refusal(error: BaseException | None) -> OSError | None:
    """What the system said when it refused a write; torch then complains of its own positions."""
    while error is not None and not isinstance(error, OSError):
        error = error.__context__
    return error


def load(
    path: Path, *, max_bytes: int = MAX_BYTES, mapped: bool = False, checked: bool = False, kinds: tuple[type, ...] = ()
) -> Any:
    """Reads what `save` (or torch.save of a state dict) wrote, onto the CPU.

    Args:
        path: a regular file.
        max_bytes: largest size that is opened.
        mapped: whether to read only what is looked at, for large files of which little is wanted.
        checked: whether to compare every byte with the checksums in the file, which torch does not.
        kinds: classes of which there may be objects in it; they are filled without a call of the file's choice.

    Raises:
        CheckpointError: missing, torn, of another kind, too large, or asking for more than tensors and plain values.
    """
    _inspect(path, max_bytes, path, kinds)
    if checked:
        _check_sums(path)
    try:
        with torch.serialization.safe_globals(list(kinds)):
            content = torch.load(path, map_location="cpu", weights_only=True, mmap=mapped)
    except MemoryError:
        raise
    # torch raises a dozen kinds here, and its texts advise to turn the protection off.
    except Exception as error:
        raise CheckpointError(f"{path} is damaged or not a checkpoint ({type(error).__name__}). {_ADVICE}") from None
    _check_extent(content, path, kinds)
    return content


def load_state(path: str | Path, *, key: str | None = None, max_bytes: int = MAX_BYTES) -> dict[str, Tensor]:
    """Reads a state dict: names to tensors. A larger mapping will do, as training loops write it, if it holds one.

    Args:
        path: a ``.pt`` file of torch, or a ``.safetensors`` file.
        key: where in a larger mapping it is; several keys are joined by `/`. Left out, it is looked for.
        max_bytes: largest size that is opened.

    Raises:
        CheckpointError: see `load`; or the file holds something else, or several, or nothing under that key; the
            message names its keys.
    """
    if Path(path).suffix == ".safetensors":
        if key is not None:
            raise CheckpointError(f"{path} is a safetensors file, which has no keys: leave `checkpoint_key` out.")
        return _load_safetensors(Path(path), max_bytes)
    content = load(Path(path), max_bytes=max_bytes)
    if key is not None:
        return _under(key, content, path)
    if _is_state(content):
        return dict(content)
    inside = {key: value for key, value in content.items() if _is_state(value)} if isinstance(content, dict) else {}
    chosen = [key for key in _USUAL if key in inside] or list(inside)
    if len(chosen) != 1:
        way_out = f"Say which: `checkpoint_key: {chosen[0]}`." if chosen else _ADVICE
        raise CheckpointError(
            f"{path} must hold a state dict (names to tensors), or one under a key, but holds "
            f"{'several' if chosen else 'something else'}{_keys(content)}. {way_out}"
        )
    return dict(inside[chosen[0]])


def _under(key: str, content: object, path: str | Path) -> dict[str, Tensor]:
    found = content
    for part in key.split("/"):
        if not isinstance(found, dict) or part not in found:
            raise CheckpointError(f"{path} has nothing under `{key}`: no `{part}`{_keys(found)}.")
        found = found[part]
    if not _is_state(found):
        raise CheckpointError(f"{path} must hold a state dict under `{key}`, but holds something else{_keys(found)}.")
    return dict(found)  # type: ignore[call-overload,no-any-return]


def _keys(content: object) -> str:
    if not isinstance(content, dict) or not content:
        return ""
    more = ", ..." if len(content) > 12 else ""
    return f"; its keys: {', '.join(f'`{key}`' for key in list(content)[:12])}{more}"


# What training loops call the weights of their model beside an optimiser's; they win over other keys.
_USUAL = ("state", "state_dict", "model_state_dict")


def _is_state(content: object) -> bool:
    if not isinstance(content, dict) or not content:
        return False
    return all(isinstance(name, str) and isinstance(value, Tensor) for name, value in content.items())


def _load_safetensors(path: Path, max_bytes: int) -> dict[str, Tensor]:
    try:
        from safetensors import SafetensorError
        from safetensors.torch import load_file
    except ImportError:
        raise CheckpointError(
            f"{path} is read by the package `safetensors`, which is not installed. Type: pip install 'acgkd[export]'."
        ) from None
    try:
        if path.stat().st_size > max_bytes:
            raise CheckpointError(f"A checkpoint may have {max_bytes:,} bytes here, but {path} has more.")
        return dict(load_file(path))
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error.strerror}.") from None
    except (SafetensorError, ValueError) as error:
        raise CheckpointError(f"{path} is damaged or no safetensors file ({type(error).__name__}).") from None


def _inspect(path: Path, max_bytes: int, shown: Path, kinds: tuple[type, ...] = ()) -> None:
    """Looks at a file without unpickling it; `shown` is how messages call it."""
    try:
        status = path.stat()
    except OSError as error:
        raise CheckpointError(f"{shown} cannot be read: {error.strerror}.") from None
    if not stat.S_ISREG(status.st_mode):
        raise CheckpointError(f"A checkpoint must be a regular file, but {shown} is not one.")
    if status.st_size > max_bytes:
        raise CheckpointError(f"A checkpoint may have {max_bytes:,} bytes here, but {shown} has {status.st_size:,}.")
    try:
        with zipfile.ZipFile(path) as archive:
            pickled = _read_pickle(archive, status.st_size, shown)
    except (zipfile.BadZipFile, EOFError, OSError, NotImplementedError, RuntimeError, ValueError) as error:
        raise CheckpointError(f"{shown} is damaged or not a checkpoint ({type(error).__name__}). {_ADVICE}") from None
    _check_pickle(pickled, shown, kinds)


def _check_sums(path: Path) -> None:
    try:
        with zipfile.ZipFile(path) as archive:
            damaged = archive.testzip()
    except (zipfile.BadZipFile, EOFError, OSError, NotImplementedError, RuntimeError, ValueError) as error:
        raise CheckpointError(f"{path} is damaged or not a checkpoint ({type(error).__name__}). {_ADVICE}") from None
    if damaged is not None:
        raise CheckpointError(f"{path} is damaged: the checksum of `{damaged}` in it is another one.")


def _read_pickle(archive: zipfile.ZipFile, size: int, shown: Path) -> bytes:
    entries = archive.infolist()
    unfolding = [entry.filename for entry in entries if entry.compress_type != zipfile.ZIP_STORED]
    if unfolding:
        raise CheckpointError(f"A checkpoint must be stored uncompressed, but {shown} deflates `{unfolding[0]}`.")
    if sum(entry.file_size for entry in entries) > size:
        raise CheckpointError(f"The entries of {shown} claim more bytes than the file has. It is damaged or a trap.")
    pickles = [entry for entry in entries if entry.filename.rpartition("/")[2] == "data.pkl"]
    if len(pickles) != 1 or pickles[0].file_size > _MAX_PICKLE_BYTES:
        raise CheckpointError(f"{shown} is not a checkpoint: it must hold one `data.pkl` of sane size. {_ADVICE}")
    return archive.read(pickles[0])


def _check_pickle(pickled: bytes, shown: Path, kinds: tuple[type, ...]) -> None:
    named = _GLOBALS | {f"{kind.__module__} {kind.__qualname__}" for kind in kinds}
    forbidden = _FORBIDDEN - ({"NEWOBJ"} if kinds else set())
    try:
        for opcode, argument, _ in pickletools.genops(pickled):
            if opcode.name == "GLOBAL" and argument not in named:
                raise CheckpointError(
                    f"A checkpoint may hold tensors and plain values only, but {shown} asks for "
                    f"`{str(argument).replace(' ', '.')}`. It was not opened. {_ADVICE}"
                )
            if opcode.name in forbidden:
                raise CheckpointError(
                    f"A checkpoint may hold tensors and plain values only, but {shown} has the pickle opcode "
                    f"{opcode.name}. It was not opened. {_ADVICE}"
                )
    except CheckpointError:
        raise
    except Exception as error:
        raise CheckpointError(f"{shown} is damaged or not a checkpoint ({type(error).__name__}). {_ADVICE}") from None


def _check_extent(content: object, shown: Path, kinds: tuple[type, ...]) -> None:
    """Refuses tensors that claim more numbers than the file stores: expanding one later would fill the memory."""
    waiting = [content]
    while waiting:
        value = waiting.pop()
        if isinstance(value, Tensor):
            claimed = value.numel() * value.element_size()
            if claimed > value.untyped_storage().nbytes():
                raise CheckpointError(f"A tensor in {shown} claims {claimed:,} bytes but stores fewer. It is a trap.")
        elif isinstance(value, dict):
            waiting.extend(value.values())
        elif isinstance(value, (list, tuple)):
            waiting.extend(value)
        elif isinstance(value, kinds):
            waiting.extend(vars(value).values())
