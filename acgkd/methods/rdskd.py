"""RDSKD: robustness and diversity seeking data-free distillation; a generator whose losses grow exponentially.

    x = G(z) in one pass, halves x₁ and x₂; p the teacher's answers, p̄ their mean over the batch   images.image_losses
    L_oh = CE(T(x), argmax T(x))        authentic: the teacher is sure
    L_ie = Σ_c p̄_c log p̄_c              diverse in classes
    L_ds = ‖p₂ − p₁‖ / ‖x₂ − x₁‖        diverse in looks
    L    = exp(L_oh − c_oh) + exp(L_ie − c_ie) + L_ds
    then the student learns from fresh images of the frozen generator: τ² KL(T ‖ S), τ = 10     transfer.transfer

The references c are 0 at first; the released code takes them from one batch, the second of every 120, and holds them
until the next. Nothing weighs the terms there; the weights here are ours, for ablation and for studies of robustness.
Defaults are the released code's for MNIST; on CIFAR-10 the student's rate falls to a tenth after 800 of its 1,000
epochs, `{decay: steps, decay_at: [0.8]}`. Where the paper's formula says "previous" we know only the code's reading;
its tables could not be obtained.
Source: Han, Park, Wang and Liu (2021), arXiv:2011.03749; released code 8512a9d.
"""

from acgkd.method import ImageContext, Method, MethodRun, Variant
from acgkd.settings.generators import GeneratedMethodConfig, taught_beside
from acgkd.settings.image_transfer import SoftTransferConfig
from acgkd.settings.rdskd import RdskdSynthesisConfig
from acgkd.settings.recipe import with_compact


class RdskdConfig(GeneratedMethodConfig):
    """Settings of RDSKD."""

    synthesis: RdskdSynthesisConfig = RdskdSynthesisConfig()
    transfer: SoftTransferConfig = SoftTransferConfig()


def _start(config: RdskdConfig, context: ImageContext) -> MethodRun:
    from acgkd.synthesis.images.rdskd_generator import RdskdGenerator
    from acgkd.synthesis.restarts import restarted_images
    from acgkd.transfer.teaching import teach_images

    stage, pool = config.synthesis, config.transfer.pool
    training = restarted_images(lambda drawn: RdskdGenerator(stage, drawn, pool=pool), context, stage.restarts)
    return teach_images(training, config.transfer, context, joint=taught_beside(config))


SOURCE = "Han, Park, Wang and Liu (2021), arXiv:2011.03749; released code 8512a9d"
METHOD = Method(
    config=RdskdConfig,
    modality="images",
    start=_start,
    needs_student=taught_beside,
    variants=with_compact(
        Variant("MNIST", "released code", SOURCE),
        Variant("CIFAR-10", "released code", SOURCE, {"transfer": {"decay": "steps", "decay_at": [0.8]}}),
    ),
)
