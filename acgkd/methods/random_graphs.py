"""The lower control: the same pseudo-graphs, not optimised. What a method gains, it gains over this."""

from acgkd.method import Method, MethodConfig, MethodContext, MethodRun
from acgkd.synthesis.graph_synthesis import GraphTransferConfig, Untrained, synthesis_then_transfer
from acgkd.synthesis.pseudo_graph_config import PseudoGraphConfig


class RandomGraphsConfig(MethodConfig):
    """Settings of the control: those of ACGKD that shape pseudo-graphs before they are learned."""

    synthesis: PseudoGraphConfig = PseudoGraphConfig()
    transfer: GraphTransferConfig = GraphTransferConfig()


def _start(config: RandomGraphsConfig, context: MethodContext) -> MethodRun:
    return synthesis_then_transfer(Untrained(config.synthesis, context), config.transfer, context)


METHOD = Method(config=RandomGraphsConfig, modality="graphs", start=_start, lower_control=True)
