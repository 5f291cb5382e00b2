"""Makes a plain torch_geometric module satisfy the teacher protocol, edge weights and their gradients included.

How each kind of layer gets its weights is in `acgkd.teachers.message_weights`.
"""

import logging
from collections.abc import Callable, Mapping, Sequence

from torch import Tensor, nn

from acgkd.config import PriorConfig
from acgkd.errors import ConfigError, TeacherError
from acgkd.modality import modality
from acgkd.priors import GraphPrior, ImagePrior, Prior, prior_as_given
from acgkd.runtime import warn_once
from acgkd.teachers.adapted_teacher import AdaptedTeacher, part_at
from acgkd.teachers.forward_call import has_forward, unwrapped
from acgkd.teachers.head_chain import HeadChain
from acgkd.teachers.heard_calls import ways_to_read
from acgkd.teachers.image_adapter import AdaptedImages, adapt_images, width_of
from acgkd.teachers.image_stages import with_stages
from acgkd.teachers.message_weights import check_layer, check_pooling, graph_layers
from acgkd.teachers.teacher_values import check_values
from acgkd.teachers.wiring import POOLS, discover

logger = logging.getLogger(__name__)


def adapt(
    module: nn.Module,
    *,
    encode: str | Callable[..., Tensor] | None = None,
    readout: str | Sequence[str] | Callable[..., Tensor] | None = None,
    classifier: str | Sequence[str | nn.Module] | None = None,
    width: int | None = None,
    stages: Sequence[str] | None = None,
    prior: Prior | PriorConfig | Mapping[str, object] | None = None,
) -> "AdaptedTeacher | AdaptedImages":
    """Wraps a trained module so that it satisfies the teacher protocol, and is called as ``(x, edge_index, batch)``.

    With a prior of images it is a module of images, called as ``(images)``: its last linear layer classifies, all that
    comes before encodes.

    Where nothing is named, the module is called once and its wiring looked for; what was found is logged, and must be
    named where it is not to be found. What comes out is compared with the module's own `forward` as soon as a prior is
    known: here, or by whoever uses the teacher.

    Args:
        module: holds the layers; its weights are shared, not copied. What torch wraps around modules (for several
            devices, compiled, averaged) is taken off.
        encode: from nodes to their embeddings: the name of a method or submodule of `module`, called with
            ``x, edge_index``; or a function, called with ``module, x, edge_index``. Either gets ``batch=`` and
            ``edge_attr=`` too if it has a parameter of that name.
        readout: ``sum``, ``mean`` or ``max`` over a graph's nodes, ``sum`` if left out; several of them, which are
            joined; the name of a submodule that pools; or a function of ``nodes, batch`` and, if it likes,
            ``graphs``, their number.
        classifier: the name of the submodule that makes class scores of a graph's embedding, or of an image's; of
            graphs also several of them in order, with activations between: ``["lin1", torch.nn.ReLU(), "lin2"]``.
        width: of the graph embeddings; None reads it off the classifier's first linear layer.
        stages: of images, names of the parts at whose ends feature maps are compared by methods with an attention
            term, in order, such as ``["layer1", "layer2"]``; None where nothing but the embedding is.
        prior: what is known of the data, as for `distill`; the adapted teacher is then tried at once.

    Raises:
        TeacherError: a part is not there or not found, a layer cannot take edge weights, or the class scores are not
            the module's own; the message says why.

    Example:
        >>> class Net(torch.nn.Module):  # doctest: +SKIP
        ...     def __init__(self):
        ...         super().__init__()
        ...         self.gnn = torch_geometric.nn.GIN(7, 64, num_layers=4)
        ...         self.head = torch.nn.Linear(64, 2)
        >>> teacher = acgkd.adapt(net, encode="gnn", readout="sum", classifier="head")  # doctest: +SKIP
    """
    if not isinstance(module, nn.Module):
        raise TeacherError(f"`adapt` wraps a torch.nn.Module, but got {type(module).__name__}.")
    known = None if prior is None else prior_as_given(prior)
    module = unwrapped(module)
    if isinstance(known, ImagePrior):
        if next(graph_layers(module), None) is not None:
            raise ConfigError(
                f"{type(module).__name__} has layers of torch_geometric that pass messages, but the prior is of images."
            )
        if encode is not None or readout is not None or not isinstance(classifier, (str, type(None))):
            raise ConfigError(
                "`encode` and `readout` are parts of graph models, but the prior is of images: of those `classifier` "
                "may be named, and all that comes before it encodes."
            )
        images = adapt_images(module, classifier, width, known)
        return images if stages is None else with_stages(images, stages, known)
    if stages is not None:
        raise ConfigError("`stages` are those of image models, so they need a prior of images: `prior={'shape': ...}`.")
    check_values(module)
    check_pooling(module)
    chain = None if classifier is None or isinstance(classifier, str) else HeadChain(tuple(classifier))
    if _to_be_found(module, encode, readout, chain or classifier):
        for name, layer in graph_layers(module):
            check_layer(name, layer)
        found = discover(module, known, classifier if isinstance(classifier, str) else None)
        warn_once(logger, f"{type(module).__name__} was found to be wired like this: {found}.")
        encode, readout, head, width = found.encode, found.readout, found.classifier, width or found.width
    else:
        head = chain or (classifier if isinstance(classifier, str) else "classifier")
    encode = encode or "encode"
    readout = "sum" if readout is None else readout
    if isinstance(encode, str):
        _part(module, "encode", encode)
    elif isinstance(encode, nn.Module) or not callable(encode):
        raise TeacherError(f"`encode` must be the name of a part or a function, but got {type(encode).__name__}.")
    parts = [head] if isinstance(head, str) else [part for part in head.parts if isinstance(part, str)]
    for name in parts:
        if not isinstance(_part(module, "classifier", name), nn.Module):
            raise TeacherError(
                f"`classifier` must name a torch.nn.Module, but `{name}` is {type(part_at(module, name)).__name__}."
            )
    named = [readout] if isinstance(readout, str) else [] if callable(readout) else list(readout)
    unknown = [name for name in named if name not in POOLS]
    part = part_at(module, readout) if isinstance(readout, str) else None
    if unknown and not isinstance(part, nn.Module):
        raise TeacherError(
            f"`readout` must be one of {', '.join(POOLS)}, several of them, a submodule or a function, but got "
            f"'{unknown[0]}'."
        )
    for name, layer in graph_layers(module):
        check_layer(name, layer)
    given = readout if isinstance(readout, str) or callable(readout) else tuple(readout)
    made = AdaptedTeacher(module, encode, given, head, width or width_of(part_at(module, parts[0])))
    check_values(made)
    return made if known is None else _tried(made, known)


def _tried(made: AdaptedTeacher, prior: GraphPrior) -> AdaptedTeacher:
    """An adapted teacher that was tried, reading one-hot blocks or, where its embeddings want them, whole numbers."""
    refused: TeacherError | None = None
    for of_nodes, of_edges in ways_to_read(made.module, prior):
        columns = prior.node_columns or (prior.feature_count,)
        made.numbers = (columns if of_nodes else (), prior.edge_columns if of_edges else ())
        try:
            modality("graphs").check_teacher(made, prior)
            return made
        except TeacherError as error:
            refused = refused or error
    assert refused is not None, "one way at least is tried"
    raise refused


def _to_be_found(module: nn.Module, encode: object, readout: object, classifier: object) -> bool:
    """Whether the wiring is looked for: nothing but one classifier is named, and there is a `forward` to look at."""
    if encode is not None or readout is not None or isinstance(classifier, HeadChain):
        return False
    if classifier is not None:
        return not hasattr(module, "encode")
    return has_forward(module) or not hasattr(module, "encode")


def _part(module: nn.Module, role: str, name: str) -> object:
    part = part_at(module, name)
    if not callable(part):
        has = [child for child, _ in module.named_children()]
        raise TeacherError(
            f"`{role}` must name a part of the module, but {type(module).__name__} has no '{name}'. "
            f"Its submodules: {', '.join(has) or 'none'}."
        )
    return part
