"""The lower control: the same pseudo-graphs, not optimised. What a method gains, it gains over this."""

from acgkd.graphs import GRAPHS
from acgkd.methods import Method, MethodConfig, Run, Setting
from acgkd.methods._graphs import GraphTransferConfig, PseudoGraphConfig, Untrained, lift_to
from acgkd.methods._transfer import Transfer
from acgkd.methods._two_phase import TwoPhase


class RandomGraphsConfig(MethodConfig):
    """Settings of the control: those of ACGKD that shape pseudo-graphs before they are learned."""

    synthesis: PseudoGraphConfig = PseudoGraphConfig()
    transfer: GraphTransferConfig = GraphTransferConfig()


def _start(config: RandomGraphsConfig, setting: Setting) -> Run:
    def transfer() -> Transfer:
        return Transfer(config.transfer, setting, GRAPHS, lift_to(setting.teacher, setting.device))

    return TwoPhase(
        Untrained(config.synthesis, setting),
        transfer,
        student=setting.student,
        transfer_steps=config.transfer.steps,
        samples=config.transfer.samples,
    )


METHOD = Method(config=RandomGraphsConfig, modality="graphs", start=_start, lower_control=True)
