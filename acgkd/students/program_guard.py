"""Is a `torch.export` program plain? Looked at before torch opens it, which runs pickles and formulas inside.

A program is a zip of a graph (JSON) and of bytes of weights. There may be no pickle in it; formulas of sizes may be
made of sizes, numbers and a few functions; and the graph may call tensor operations alone.
"""

import io
import json
import re
import zipfile
from collections.abc import Iterator

from acgkd.errors import CheckpointError

_NAME = re.compile(r"[A-Za-z_]\w*")
_FORMULA = re.compile(r"[\w\s+\-*/(),.<>=]*")
_SIZE = re.compile(r"(s|u|zf|zuf)\d+")
_QUOTED = re.compile(rf"'{_SIZE.pattern}'")
_FUNCTIONS = frozenset(
    """Symbol Integer Rational Add Mul Pow Max Min Mod PythonMod FloorDiv CleanDiv CeilDiv Abs Eq Ne Lt Le Gt Ge And Or
    Not Equality Unequality StrictLessThan LessThan StrictGreaterThan GreaterThan ToFloat TruncToInt IntTrueDiv
    FloatTrueDiv int_oo True False integer positive nonnegative negative nonzero real finite""".split()  # noqa: SIM905
)
_CALLED = re.compile(
    r"torch\.ops\.(aten|prim|prims)\.\w+(\.\w+)?|torch\.sym_\w+|math\.\w+|torch\.ops\.aten\.sym_\w+\.\w+|"
    r"_operator\.(add|sub|mul|floordiv|truediv|mod|pow|neg|eq|ne|lt|le|gt|ge|and_|or_|not_|getitem)"
)
# A pickle; of programs that are written here it is empty.
_PICKLED = re.compile(r".*/data/sample_inputs/\w+\.pt")
_PLAIN = re.compile(
    r".*/(data/weights/(weight_\d+|\w+_config\.json)|data/constants/(tensor_\d+|\w+_config\.json)|models/\w+\.json|"
    r"archive_format|archive_version|byteorder|\.data/(version|serialization_id)|extra/\w*)"
)


def require_plain(program: bytes, shown: object) -> None:
    """Refuses a program that holds more than tensors and tensor operations.

    Args:
        program: what `torch.export.save` wrote.
        shown: how messages call the file.

    Raises:
        CheckpointError: it does, or is damaged.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(program)) as archive:
            for name in archive.namelist():
                _check(name, archive.read(name), shown)
    except (zipfile.BadZipFile, EOFError, KeyError, ValueError, NotImplementedError, RuntimeError) as error:
        raise CheckpointError(f"{shown} is damaged or holds no program ({type(error).__name__}).") from None


def _check(name: str, content: bytes, shown: object) -> None:
    if _PICKLED.fullmatch(name) and not content:
        return
    if not _PLAIN.fullmatch(name):
        raise _refused(shown, f"`{name}`")
    if name.endswith(".json"):
        for key, value in _leaves(json.loads(content)):
            if key == "use_pickle" and value:
                raise _refused(shown, "a pickle")
            if key == "path_name" and not re.fullmatch(r"(weight|tensor)_\d+", str(value)):
                raise _refused(shown, f"`{value}`")
            if key == "expr_str" and not _harmless(str(value)):
                raise _refused(shown, f"the formula `{value}`")
            if key == "target" and isinstance(value, str) and "." in value and not _CALLED.fullmatch(value):
                raise _refused(shown, f"a call of `{value}`")


def _harmless(formula: str) -> bool:
    formula = _QUOTED.sub("", formula)
    if not _FORMULA.fullmatch(formula) or re.search(r"[A-Za-z_)]\s*\.|\.\s*[A-Za-z_]", formula):
        return False
    return all(_SIZE.fullmatch(name) or name in _FUNCTIONS for name in _NAME.findall(formula))


def _leaves(tree: object, key: str = "") -> Iterator[tuple[str, object]]:
    if isinstance(tree, dict):
        for name, value in tree.items():
            yield from _leaves(value, name)
    elif isinstance(tree, list):
        for value in tree:
            yield from _leaves(value, key)
    else:
        yield key, tree


def _refused(shown: object, what: str) -> CheckpointError:
    return CheckpointError(
        f"A program may hold tensors and tensor operations only, but {shown} has {what}. It was not opened."
    )
