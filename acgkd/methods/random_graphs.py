"""The lower control: the same pseudo-graphs, not optimised. What a method gains, it gains over this."""

from acgkd.methods import Method, MethodConfig, Run, Setting
from acgkd.methods._graphs import GraphTransferConfig, Untrained, synthesis_then_transfer
from acgkd.methods._pseudo_graphs import PseudoGraphConfig


class RandomGraphsConfig(MethodConfig):
    """Settings of the control: those of ACGKD that shape pseudo-graphs before they are learned."""

    synthesis: PseudoGraphConfig = PseudoGraphConfig()
    transfer: GraphTransferConfig = GraphTransferConfig()


def _start(config: RandomGraphsConfig, setting: Setting) -> Run:
    return synthesis_then_transfer(Untrained(config.synthesis, setting), config.transfer, setting)


METHOD = Method(config=RandomGraphsConfig, modality="graphs", start=_start, lower_control=True)
