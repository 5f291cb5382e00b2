"""ACGKD: adversarial curriculum graph-free knowledge distillation, in our reading.

The full text of the paper (Jia et al., arXiv:2504.00540) could not be obtained: this is a reconstruction from its
abstract, its summaries and its edge formula, and no figure of this project is the paper's.

The algorithm, step by step, and where each step is::

    1 pseudo-graphs   K graphs of sizes that the prior says, an edge wherever the draw says one:
                      s_ij = σ((log α_ij + L) / λ) over the candidate pairs    graphs.pseudo.concrete, .relaxed_graphs
      complexity ξ    which pairs are candidates                               graphs.pseudo.candidates
      structure       what says log α: each pair, hubs, communities, an MLP    graphs.pseudo.structures
    2 synthesis       minimise over log α and features                         synthesis.graphs.inversion
                          w_ce CE(T(G), y) + w_bn Σ_layers D(batch, memory) + w_oh H(features)
                          + w_deg (degree / prior − 1)² − w_adv KL(T ‖ S)
    3 student         plain, or lifted by graph attention to the teacher's
                      width, ending in the teacher's own frozen classifier     students.projection
    4 transfer        at each step                                             transfer.transfer
      curriculum        let in the easiest share of each class so far          transfer.curriculum, .difficulty
      drawing           draw these graphs afresh from their distribution       synthesis.graphs.base
      teaching          minimise τ² KL(T ‖ S) over the student                 losses
      temperature       τ fixed, or learned against the student                transfer.temperature

Steps 2 and 4 follow each other. With `synthesis/adversarial_weight` above 0 synthesis looks at the student: then they
are one stage, the steps of 2 spread evenly between those of 4.
"""

from acgkd.method import GraphContext, Method, MethodConfig, MethodRun, Variant
from acgkd.settings.graph_inversion import GraphInversionConfig
from acgkd.settings.transfer_stage import GraphTransferConfig


class AcgkdConfig(MethodConfig):
    """Settings of ACGKD."""

    synthesis: GraphInversionConfig = GraphInversionConfig()
    transfer: GraphTransferConfig = GraphTransferConfig()


def _needs_student(config: AcgkdConfig) -> bool:
    return config.synthesis.adversarial_weight > 0


def _ranked_in_synthesis(config: AcgkdConfig) -> bool:
    return not _needs_student(config) and config.synthesis.graphs_at_once is None


def _asks_for_classes(config: AcgkdConfig) -> bool:
    return config.synthesis.class_weight > 0


def _start(config: AcgkdConfig, context: GraphContext) -> MethodRun:
    from acgkd.synthesis.graphs.inversion import GraphInversion
    from acgkd.synthesis.restarts import restarted_graphs
    from acgkd.transfer.teaching import teach_graphs

    # Steps 1 and 2: pseudo-graphs, and how they are learned; again from another draw where they get stuck.
    stage = config.synthesis
    synthesis = restarted_graphs(
        lambda drawn: GraphInversion(stage, drawn),
        context,
        stage.restarts,
        hold=lambda drawn: GraphInversion(stage.with_degree_held(), drawn),
    )
    # Steps 3 and 4: the student, and how it is taught with them, afterwards or side by side.
    return teach_graphs(synthesis, config.transfer, context, joint=_needs_student(config))


SOURCE = "Jia et al., arXiv:2504.00540"
METHOD = Method(
    config=AcgkdConfig,
    modality="graphs",
    start=_start,
    needs_student=_needs_student,
    asks_for_classes=_asks_for_classes,
    ranked_in_synthesis=_ranked_in_synthesis,
    variants=(
        Variant("default", "ours", f"a reconstruction of {SOURCE}, from its abstract"),
        Variant(
            "led by classes",
            "ours",
            f"a reconstruction of {SOURCE}, from its abstract; the defaults until 2026-11-30, by which the class that a"
            " graph is made for weighs more, beside what the teacher remembers",
            {
                "synthesis": {
                    "graphs": 160,
                    "steps": 300,
                    "rate": 0.5,
                    "statistics_weight": 10.0,
                    "degree_weight": 0.0,
                },
                "transfer": {"steps": 400, "batch_size": 60, "curriculum": {"labels": "pseudo"}, "recalibration": 0},
            },
        ),
    ),
)
