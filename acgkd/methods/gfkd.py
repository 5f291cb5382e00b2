"""GFKD: pseudo-graphs whose structure is learned without its derivative, features and structure by turns.

    feature step    A = 1[σ(θ) ≥ ½]; minimise CE(T(A, X), y) + w_bn Σ_layers D(batch, memory) + w_oh H(X) over X
    structure step  u ~ U(0, 1); A₁ = 1[u > σ(−θ)], A₂ = 1[u < σ(θ)], both passed forward only; descend
                    ∇θ ≈ (CE(A₁) − CE(A₂) + w_bn (D(A₁) − D(A₂))) · (u − ½), CE by graph, D of the whole batch
    written out     the structure of the step of lowest loss, the features of the last step, both discrete

The steps are in `acgkd/synthesis/graphs/alternation.py`, the graphs in `acgkd/graphs/pseudo/directed.py`.
Defaults are the released code's, which inverts GCN teachers alone: for any other teacher they are carried over. Begun
with every other pair an edge, as there, graphs of a teacher that sums over neighbours (GIN) do not get out of one
class; `density: prior` with the same steps is the variant that rows with such teachers are to be judged by. The paper
states other steps, decay and training of the student: `recipe: paper`.
Where the code adds self-loops (`--self_loop`, to real graphs too) there are none here: our models count a node itself
already, and neither data nor pseudo-graphs have any. Sizes are the prior's, as of every method.
The code learns all features freely; here those that are degrees follow from the edges, and constant ones stay, so that
structure alone is learned there.
Source: Deng and Zhang (2021), arXiv:2105.07519; released code e68e4d6, `inversion_gcn.py` and `utils/helper.py`.
"""

from pydantic import Field

from acgkd.method import GraphContext, Method, MethodRun, Variant
from acgkd.settings.alternating_inversion import AlternatingInversionConfig
from acgkd.settings.choices import PseudoSamples
from acgkd.settings.recipe import GraphRecipe, OneRecipeConfig, filled_in
from acgkd.settings.transfer_stage import PlainTransferConfig


class GfkdTransferConfig(PlainTransferConfig):
    """How the student is taught: by default on the graphs as they were written out, plain, at temperature 2.

    The released loader goes through the graphs in order, 300 times 5 batches; here each batch is drawn anew.

    Args:
        recipe: what is not said is `released`, 1,500 steps, or `paper`, 2,000: 300 and 400 times all 131 graphs. As the
            synthesis' where it is not said.
    """

    recipe: GraphRecipe = "released"
    steps: int = Field(default=1500, ge=1)
    batch_size: int = Field(default=32, ge=2)
    samples: PseudoSamples = "fixed"

    _recipe = filled_in("paper", {"steps": 2000})


class GfkdConfig(OneRecipeConfig):
    """Settings of GFKD."""

    synthesis: AlternatingInversionConfig = AlternatingInversionConfig()
    transfer: GfkdTransferConfig = GfkdTransferConfig()


def _ranked_in_synthesis(config: GfkdConfig) -> bool:
    return config.synthesis.graphs_at_once is None


def _start(config: GfkdConfig, context: GraphContext) -> MethodRun:
    from acgkd.synthesis.graphs.alternation import AlternatingInversion
    from acgkd.synthesis.restarts import restarted_graphs
    from acgkd.transfer.teaching import teach_graphs

    stage = config.synthesis
    synthesis = restarted_graphs(lambda drawn: AlternatingInversion(stage, drawn), context, stage.restarts)
    return teach_graphs(synthesis, config.transfer, context)


SOURCE = "Deng and Zhang (2021), arXiv:2105.07519"
METHOD = Method(
    config=GfkdConfig,
    modality="graphs",
    start=_start,
    ranked_in_synthesis=_ranked_in_synthesis,
    variants=(
        Variant("released", "released code", f"{SOURCE}; released code e68e4d6, for GCN teachers", teachers=("gcn",)),
        Variant(
            "released, prior's density",
            "released code",
            f"{SOURCE}; released code e68e4d6, but for graphs that begin and stay at the prior's mean degree",
            {"synthesis": {"density": "prior"}},
        ),
        Variant("paper", "paper", SOURCE, {"synthesis": {"recipe": "paper"}}),
        Variant(
            "paper, prior's density",
            "paper",
            f"{SOURCE}, but for graphs that begin and stay at the prior's mean degree",
            {"synthesis": {"recipe": "paper", "density": "prior"}},
        ),
    ),
)
