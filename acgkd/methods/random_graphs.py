"""The lower control: the same pseudo-graphs, not optimised. What a method gains, it gains over this."""

from acgkd.method import GraphContext, Method, MethodConfig, MethodRun
from acgkd.settings.pseudo_graphs import PseudoGraphConfig
from acgkd.settings.transfer_stage import GraphTransferConfig


class RandomGraphsConfig(MethodConfig):
    """Settings of the control: those of ACGKD that shape pseudo-graphs before they are learned."""

    synthesis: PseudoGraphConfig = PseudoGraphConfig()
    transfer: GraphTransferConfig = GraphTransferConfig()


def _start(config: RandomGraphsConfig, context: GraphContext) -> MethodRun:
    from acgkd.synthesis.graphs.graph_synthesis import Untrained
    from acgkd.transfer.teaching import teach_graphs

    return teach_graphs(Untrained(config.synthesis, context), config.transfer, context)


METHOD = Method(config=RandomGraphsConfig, modality="graphs", start=_start, lower_control=True)
