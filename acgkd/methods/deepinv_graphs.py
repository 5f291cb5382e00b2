"""DeepInversion on graphs: features learned from BatchNorm statistics over random structure that stays as drawn.

The baseline that graph papers call DeepInvG: minimise CE(T(G), y) + w_bn Σ_layers D(batch, memory) + w_oh H(features)
over the features alone, then teach a plain student at one temperature. What ACGKD gains over it, it gains by structure.

No code of the baseline is public. DeepInversion's own statistics term is `statistics: norm`, and its students saw each
sample as it was written out, which is `samples: fixed`; the defaults, `gaussian_kl` and `resampled`, are ours. They
were chosen on validation splits before records were kept, so nothing shows how much better they are.
Source: Yin et al. (2020), arXiv:1912.08795, for images; Deng and Zhang (2021), arXiv:2105.07519, for graphs.
"""

from acgkd.method import GraphContext, Method, MethodConfig, MethodRun, Variant, always
from acgkd.settings.feature_inversion import FeatureInversionConfig
from acgkd.settings.transfer_stage import PlainTransferConfig


class DeepinvGraphsConfig(MethodConfig):
    """Settings of DeepInversion on graphs."""

    synthesis: FeatureInversionConfig = FeatureInversionConfig()
    transfer: PlainTransferConfig = PlainTransferConfig()


def _start(config: DeepinvGraphsConfig, context: GraphContext) -> MethodRun:
    from acgkd.synthesis.graphs.feature_learning import FeatureInversion
    from acgkd.synthesis.restarts import restarted_graphs
    from acgkd.transfer.teaching import teach_graphs

    stage = config.synthesis
    synthesis = restarted_graphs(lambda drawn: FeatureInversion(stage, drawn), context, stage.restarts)
    return teach_graphs(synthesis, config.transfer, context)


METHOD = Method(
    config=DeepinvGraphsConfig,
    modality="graphs",
    start=_start,
    ranked_in_synthesis=always,
    variants=(
        Variant("default", "ours", "another distance of statistics, and samples that are drawn afresh"),
        Variant(
            "as described",
            "paper",
            "Yin et al. (2020), arXiv:1912.08795; Deng and Zhang (2021), arXiv:2105.07519",
            {"synthesis": {"statistics": "norm"}, "transfer": {"samples": "fixed"}},
        ),
    ),
)
