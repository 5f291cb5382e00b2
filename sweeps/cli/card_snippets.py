"""Code on a model card that runs as it is printed: an example of what the student reads, and the call."""

from collections.abc import Sequence
from itertools import accumulate
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from acgkd.priors import GraphPrior, Prior

_EDGES = [[0, 1, 1, 2], [1, 0, 2, 1]]


def snippet(file: str, to: str, prior: "Prior | None", named: Sequence[str]) -> str:
    """How a file is read and called.

    Args:
        file: its name.
        to: its form.
        prior: what was known of the data; without it inputs are left to the reader.
        named: what of edges a program is handed by name.
    """
    from acgkd.priors import ImagePrior

    images = isinstance(prior, ImagePrior)
    if to == "safetensors" and prior is not None and prior.edge_features:
        named = ["edge_attr"]
    inputs = ["images"] if images else ["x", "edge_index", "batch"]
    module = "numpy" if to == "onnx" else "torch"
    given: list[str] = []
    if prior is not None:
        given = _images(prior.shape, module) if isinstance(prior, ImagePrior) else _graph(prior, module, named)
    imports = {
        "safetensors": ["import acgkd", *(["import torch"] if given else [])],
        "torch": ["import torch"],
        "onnx": [*(["import numpy"] if given else []), "import onnxruntime"],
    }[to]
    read = {
        "safetensors": f'student = acgkd.load_student("{file}")',
        "torch": f'student = torch.export.load("{file}").module()',
        "onnx": f'student = onnxruntime.InferenceSession("{file}")',
    }[to]
    if to == "onnx":
        pairs = ", ".join(f'"{name}": {name}' for name in [*inputs, *named])
        call = [
            f"inputs = {{{pairs}}}",
            "logits = student.run(None, {wanted.name: inputs[wanted.name] for wanted in student.get_inputs()})[0]",
        ]
    else:
        call = [f"logits = student({', '.join([*inputs, *(f'{name}={name}' for name in named)])})"]
    return "\n".join([*imports, "", *given, *([""] if given else []), read, *call])


def _images(shape: tuple[int, int, int], module: str) -> list[str]:
    text = ", ".join(map(str, (1, *shape)))
    floats = ", dtype=numpy.float32" if module == "numpy" else ""
    return [f"images = {module}.zeros(({text}){floats})  # one black image: pixels of 0 to 1"]


def _graph(prior: "GraphPrior", module: str, named: Sequence[str]) -> list[str]:
    """A path of three nodes whose categories are all the first ones."""
    array, floats = ("array", ", dtype=numpy.float32") if module == "numpy" else ("tensor", "")
    lines = [
        f"x = {module}.zeros((3, {prior.feature_count}){floats})  # features of three nodes",
        f"x[:, {_firsts(prior.node_columns)}] = 1",
        f"edge_index = {module}.{array}({_EDGES})  # both directions of each edge",
        f"batch = {module}.{array}([0, 0, 0])  # the graph of each node",
    ]
    if "edge_attr" in named:
        lines += [
            f"edge_attr = {module}.zeros((4, {prior.edge_features}){floats})  # features of each edge",
            f"edge_attr[:, {_firsts(prior.edge_columns)}] = 1",
        ]
    if "edge_weight" in named:
        lines.append(f"edge_weight = {module}.ones(4{floats})  # of each edge, 0 to 1")
    return lines


def _firsts(columns: Sequence[int]) -> str:
    """The first column of each one-hot block."""
    starts = [0, *accumulate(columns)][: max(1, len(columns))]
    return str(starts[0]) if len(starts) == 1 else str(starts)
