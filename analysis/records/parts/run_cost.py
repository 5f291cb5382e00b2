"""What a run took."""

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer

from analysis.records.parts.part import Number, Part

CostValue = bool | int | float | None


class Cost(Part):
    """What it took. Seconds are device-synchronised and kept across resume."""

    teacher_s: Number = Field(default=None, description="Training the teacher.")
    synthesis_s: Number = Field(default=None, description="The synthesis stage.")
    transfer_s: Number = Field(default=None, description="The transfer stage.")
    joint_s: Number = Field(
        default=None, description="The one stage of methods that synthesise and teach side by side."
    )
    cpu_s: Number = Field(
        default=None,
        description="CPU time of the process, all threads and children that have ended, in the stages of the method; "
        "of a teacher's row in its training.",
    )
    evaluation_s: Number = Field(default=None, description="Evaluating the student.")
    lost_s: Number = Field(default=None, description="Work done, then lost to an interruption.")
    synthesis_steps: int | None = Field(default=None, description="Steps of the synthesis stage.")
    synthesis_restarts: int | None = Field(
        default=None, description="Further draws of a synthesis that was stuck, where there may be some."
    )
    synthesis_restarts_held: int | None = Field(
        default=None, description="Those of them that held the mean degree at the prior's; nothing where none did."
    )
    transfer_steps: int | None = Field(default=None, description="Steps of the transfer stage.")
    taught_together: int | None = Field(
        default=None, description="Replicates that were taught together, at most; nothing where each was alone."
    )
    joint_steps: int | None = Field(default=None, description="Steps of the joint stage.")
    multiply_adds: Number = Field(default=None, description="Counted multiply-adds of synthesis + transfer (or joint).")
    candidate_edges: int | None = Field(default=None, description="Undirected candidate pairs over all pseudo-graphs.")
    kept_edges: Number = Field(default=None, description="Expected undirected edges of the learned distribution.")
    peak_host_bytes: int | None = Field(default=None, description="Largest memory of the process.")
    peak_device_bytes: int | None = Field(default=None, description="Largest memory on the CUDA device.")
    student_parameters: int | None = Field(default=None, description="Parameters of the student.")
    teacher_parameters: int | None = Field(default=None, description="Parameters of the teacher.")
    student_multiply_adds: Number = Field(default=None, description="Per test sample (or pseudo-sample), forward.")
    teacher_multiply_adds: Number = Field(default=None, description="The same of the teacher.")
    student_ms_per_1000: Number = Field(default=None, description="Inference time per 1,000 samples, milliseconds.")
    teacher_ms_per_1000: Number = Field(default=None, description="The same of the teacher.")
    synthesis_cached: bool = Field(
        default=False, description="Pseudo-samples came from the cache; seconds are the maker's."
    )
    teacher_cached: bool = Field(
        default=False, description="Of a teacher's row: it came from the cache; seconds are the maker's."
    )

    @model_serializer(mode="wrap")
    def _as_before(self, write: SerializerFunctionWrapHandler) -> dict[str, object]:
        """What says nothing is left out, as it was before there were such fields."""
        fields: dict[str, object] = write(self)
        if not self.teacher_cached:
            fields.pop("teacher_cached", None)
        for name in ("cpu_s", "synthesis_restarts", "synthesis_restarts_held", "taught_together"):
            if fields[name] is None:
                fields.pop(name, None)
        return fields
