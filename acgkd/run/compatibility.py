"""What a run cannot do and what it does without, from settings, prior and facts of its models: nothing is built.

Settings that mean the same have the same name in every method, so this goes by names: `synthesis/generator`,
`synthesis/statistics_weight`, `transfer/attention_weight`.
"""

from dataclasses import dataclass

from acgkd.facts import NO_BATCH_NORM, ModelFacts, why_no_attention
from acgkd.method import MethodConfig
from acgkd.priors import ImagePrior, Prior
from acgkd.settings.generators import out_of_reach


@dataclass(frozen=True)
class Surroundings:
    """What the settings of a method meet.

    Args:
        teacher: what is known of it.
        student: what is known of it.
        prior: what is known of the data.
    """

    teacher: ModelFacts
    student: ModelFacts
    prior: Prior

    @property
    def why_no_attention(self) -> str:
        """What keeps attention maps of teacher and student from being compared; nothing where they can be."""
        if not isinstance(self.prior, ImagePrior):
            return "There are no images."
        return why_no_attention(self.teacher, self.student, self.prior.shape)


def refused(config: MethodConfig, around: Surroundings) -> tuple[str, str] | None:
    """The setting that would end a run when it begins, by slash path, and why; None where none would.

    Args:
        config: of the method.
        around: models and prior.
    """
    synthesis = config.synthesis
    generates = hasattr(synthesis, "generator") and getattr(synthesis, "source", "generator") == "generator"
    why = out_of_reach(around.prior.shape) if generates and isinstance(around.prior, ImagePrior) else ""
    if why:
        return "synthesis/generator", why
    weight = _attention(config)
    why = around.why_no_attention if weight else ""
    if why:
        return (
            "transfer/attention_weight",
            f"`attention_weight: {weight:g}` needs stages that fit each other. {why} Use `attention_weight: 0`.",
        )
    return None


def absent(config: MethodConfig, around: Surroundings) -> tuple[str, ...]:
    """The inactive terms of losses, with what the model lacks for them: a sentence each.

    Args:
        config: of the method.
        around: models and prior.
    """
    found = []
    synthesis = config.synthesis
    weighs = getattr(synthesis, "statistics_weight", 0) > 0 and getattr(synthesis, "steps", 1) > 0
    if weighs and not around.teacher.batch_norm:
        found.append(NO_BATCH_NORM)
    if hasattr(config.transfer, "attention_weight") and _attention(config) is None:
        why = around.why_no_attention
        if why:
            found.append(f"The attention term of the student's loss is absent: {why}")
    return tuple(found)


def _attention(config: MethodConfig) -> float | None:
    """The weight that is asked for; None leaves it to the models."""
    weight: float | None = getattr(config.transfer, "attention_weight", 0.0)
    return weight
