"""Whether the parts of the data that judge are large enough to say anything."""

# With fewer samples of a class, one of them moves its accuracy by more than five points.
FEW = 20


def remark(part: str, classes: int, rarest: int) -> str | None:
    """What a reader must know of a part that judges; None where it is large enough.

    Args:
        part: `validation` or `test`.
        classes: how many occur in it.
        rarest: samples of the rarest class of the data there; 0 where one is missing.
    """
    if classes <= 1:
        return (
            f"The {part} part has samples of one class only: what is measured on it says nothing about telling classes "
            "apart."
        )
    if rarest == 0:
        return f"The {part} part has no sample of some class: what is measured on it says nothing about that class."
    if rarest < FEW:
        samples = "1 sample" if rarest == 1 else f"{rarest} samples"
        return f"The {part} part has {samples} of its rarest class, fewer than {FEW}: what is measured on it is coarse."
    return None
