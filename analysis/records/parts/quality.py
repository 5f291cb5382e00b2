"""How good a student is: all that is measured of it, of its teacher, and of what judges them."""

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer

from analysis.records.parts.part import Number, Part


class Quality(Part):
    """How good the student (or the teacher row) is. Shares in [0, 1]; None = not measured, never 0."""

    teacher_train_accuracy: Number = Field(default=None, description="Of the teacher, on the training split.")
    teacher_validation_accuracy: Number = Field(default=None, description="Of the teacher, on the validation split.")
    teacher_test_accuracy: Number = Field(default=None, description="Of the teacher, on the test split.")
    majority_accuracy: Number = Field(default=None, description="Test accuracy of the training split's majority class.")
    validation_accuracy: Number = Field(default=None, description="Of the student, on the validation split.")
    validation_divergence: Number = Field(default=None, description="Mean KL(teacher || student) on validation, nats.")
    test_accuracy: Number = Field(
        default=None, description="Of the student, on the test split; measured once, at the end."
    )
    test_agreement: Number = Field(
        default=None, description="Share of test samples where the student follows the teacher."
    )
    agreement: Number = Field(default=None, description="Class-balanced agreement on the data-free reference pool.")
    agreement_lowest: Number = Field(default=None, description="On the part of the pool where it is lowest.")
    agreement_highest: Number = Field(default=None, description="On the part of the pool where it is highest.")
    agreement_worst_class: Number = Field(
        default=None, description="On the pool, within the class that the student follows least."
    )
    agreement_ranking: Number = Field(
        default=None,
        description="Spearman's correlation of the log-odds of teacher and student on a part of the pool, over parts.",
    )
    agreement_overlap: Number = Field(
        default=None,
        description="On the pool, 1 minus the total variation distance of the class probabilities of both, over parts.",
    )
    control_agreement: Number = Field(
        default=None,
        description="Agreement of a lower control's student on the same pool, where no record of its own says it.",
    )
    classes: int | None = Field(default=None, description="That the teacher tells apart.")
    pool_classes: int | None = Field(default=None, description="That the teacher says on the reference pool.")
    pool_smallest_class: int | None = Field(
        default=None, description="Samples of the class that it says there least often."
    )
    pool_confidence: Number = Field(default=None, description="The teacher's mean largest probability on the pool.")
    pool_memory: int | None = Field(
        default=None, description="BatchNorm layers of the teacher, by whose memory a pool of graphs is led."
    )
    hit_rate: Number = Field(
        default=None,
        description="Mean over classes of the share of pseudo-samples that the teacher gives the class asked for.",
    )
    hit_rate_lowest: Number = Field(default=None, description="The same of the class where it is lowest.")
    hit_rate_at_most: Number = Field(
        default=None, description="Upper end of its 95 % interval, of the class where that is lowest."
    )
    hit_rates: list[Number] | None = Field(default=None, description="The same, class by class.")
    synthesis_confidence: Number = Field(
        default=None, description="The teacher's mean largest probability on pseudo-samples."
    )
    synthesis_classes: int | None = Field(default=None, description="That the teacher says of pseudo-samples.")
    statistics_distance: Number = Field(
        default=None,
        description="KL of what the teacher's BatchNorm layers see in pseudo-samples from their memory, over layers.",
    )
    statistics_distances: list[Number] | None = Field(default=None, description="The same, layer by layer.")
    degree_ratio: Number = Field(default=None, description="Mean degree of pseudo-graphs over the prior's.")
    size_ratio: Number = Field(
        default=None, description="Mean nodes of pseudo-graphs over the middle of the prior's range."
    )
    likeness: Number = Field(
        default=None,
        description="Mean cosine of the teacher's embeddings of two pseudo-samples of a class; 1 = all alike.",
    )
    predicted_classes: int | None = Field(
        default=None, description="Classes the student predicts on test; 1 = collapsed."
    )
    train_size: int | None = Field(default=None, description="Size of the training split.")
    validation_size: int | None = Field(default=None, description="Size of the validation split.")
    test_size: int | None = Field(default=None, description="Size of the test split.")
    validation_classes: int | None = Field(default=None, description="Classes that the validation part holds.")
    validation_smallest_class: int | None = Field(default=None, description="Samples of its rarest class; may be 0.")
    test_classes: int | None = Field(default=None, description="Classes that the test part holds.")
    test_smallest_class: int | None = Field(default=None, description="Samples of its rarest class; may be 0.")

    @model_serializer(mode="wrap")
    def _as_before(self, write: SerializerFunctionWrapHandler) -> dict[str, object]:
        """What is not known is left out, where there was no such field before."""
        fields: dict[str, object] = write(self)
        return {name: value for name, value in fields.items() if value is not None or name not in _LATER}


_COUNTED = frozenset({"validation_classes", "validation_smallest_class", "test_classes", "test_smallest_class"})
_OF_POOL = frozenset({"classes", "pool_classes", "pool_smallest_class", "pool_confidence", "pool_memory"})
_OF_SYNTHESIS = frozenset(
    {"hit_rate", "hit_rate_lowest", "hit_rate_at_most", "hit_rates", "synthesis_confidence", "synthesis_classes"}
    | {"statistics_distance", "statistics_distances", "degree_ratio", "size_ratio", "likeness"}
)
_OF_AGREEMENT = frozenset(
    {"agreement_lowest", "agreement_highest", "agreement_worst_class", "agreement_ranking", "control_agreement"}
    | {"agreement_overlap"}
)
_LATER = _COUNTED | _OF_POOL | _OF_SYNTHESIS | _OF_AGREEMENT
