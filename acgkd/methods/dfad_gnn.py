"""DFAD-GNN: student and generator play against each other over the teacher's answers, in one joint stage.

    student     minimise the mean |S(G) − T(G)| of logits
    generator   maximise the mean |softmax S(G) − softmax T(G)|; G comes from noise (`graphs.pseudo.graph_generator`)

The paper's own code is not public. Widths, rates, losses and turns are those of the port in GammaGL, which stops at the
epoch that is best on real validation data: here nothing looks at data, and the last student is the result. The port
also cuts the generator's gradient where it makes edges and features discrete, so its generator stays as it was
initialised.

Four defaults of the generator are not the port's: it learns (`gradient: straight_through`), its graphs have sizes and a
mean degree of the prior's (`sizes`, `density`), and degrees as features follow from its edges (`degree_features`).
The port's are `synthesis: {gradient: cut, sizes: fixed, density: released, degree_features: free}`.

Neither loss ties graphs to the teacher's data or balances classes. A sum-pooling teacher answers graphs far from its
data with large logits of one class; once student and teacher are both sure of it, the generator's gradient vanishes.
`balance_weight` and `statistics_weight`, which are not of the paper, tie them to both. On `motifs` it does not
learn without them: at its defaults validation accuracy is 0.5 on seeds 100, 101 and 102, chance, as with untrained
graphs; with weights of 5 and 1, 300 steps and a rate that falls it is 1.00, 0.81 and 0.78.
Source: Zhuang et al. (2022), arXiv:2205.03811; GammaGL dfad6e3d, `examples/dfad_gnn`.
"""

from acgkd.method import GraphContext, Method, MethodConfig, MethodRun, Variant, always
from acgkd.settings.graph_game import GraphGeneratorConfig, StudentTurnConfig


class DfadGnnConfig(MethodConfig):
    """Settings of DFAD-GNN."""

    synthesis: GraphGeneratorConfig = GraphGeneratorConfig()
    transfer: StudentTurnConfig = StudentTurnConfig()


def _start(config: DfadGnnConfig, context: GraphContext) -> MethodRun:
    from acgkd.synthesis.graphs.game import GraphGame

    return GraphGame(config.synthesis, config.transfer, context)


PORT = {"gradient": "cut", "sizes": "fixed", "density": "released", "degree_features": "free"}
METHOD = Method(
    config=DfadGnnConfig,
    modality="graphs",
    start=_start,
    needs_student=always,
    variants=(
        Variant("default", "ours", "the port with a generator that learns, and the prior's sizes and density"),
        Variant("port", "port", "GammaGL dfad6e3d, examples/dfad_gnn", {"synthesis": PORT}),
    ),
)
