"""ACGKD: adversarial curriculum graph-free knowledge distillation, in our reading.

The full text of the paper (Jia et al., arXiv:2504.00540) could not be obtained: this is a reconstruction from its
abstract, its summaries and its edge formula, and no figure of this project is the paper's.

The algorithm on one page::

    pseudo-graphs   s_ij = σ((log α_ij + L) / λ) over the candidate pairs that ξ allows   graphs.concrete, .candidates
    synthesis       minimise over log α and features:                                     methods._inversion
                        CE(T(G), y) + w_bn Σ_layers D(batch, memory) + w_oh H(features)
                        + w_deg (degree / prior − 1)² − w_adv KL(T ‖ S)
    student         plain, or lifted by graph attention into the teacher's classifier     projection
    transfer        at each step: the curriculum lets in the easiest share,               curriculum
                        graphs are drawn afresh from their distribution,                  methods._graphs
                        minimise τ² KL(T ‖ S), τ fixed or learned against the student     temperature, methods._transfer
"""

from acgkd.graphs import GRAPHS
from acgkd.method import Method, MethodConfig, MethodContext, MethodRun
from acgkd.synthesis.graph_inversion import GraphInversion, SynthesisConfig
from acgkd.synthesis.graph_synthesis import GraphTransferConfig, lift_to, synthesis_then_transfer
from acgkd.transfer.transfer import Transfer
from acgkd.transfer.two_phase import Interleaved


class AcgkdConfig(MethodConfig):
    """Settings of ACGKD."""

    synthesis: SynthesisConfig = SynthesisConfig()
    transfer: GraphTransferConfig = GraphTransferConfig()


def _needs_student(config: AcgkdConfig) -> bool:
    return config.synthesis.adversarial_weight > 0


def _start(config: AcgkdConfig, context: MethodContext) -> MethodRun:
    synthesis = GraphInversion(config.synthesis, context)
    if not _needs_student(config):
        return synthesis_then_transfer(synthesis, config.transfer, context)
    transfer = Transfer(config.transfer, context, GRAPHS, lift_to(context.teacher, context.device))
    return Interleaved(synthesis, transfer, samples=config.transfer.samples)


METHOD = Method(config=AcgkdConfig, modality="graphs", start=_start, needs_student=_needs_student)
