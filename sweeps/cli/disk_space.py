"""How much room the students of a sweep will take, before anything is started."""

from typing import TYPE_CHECKING

from sweeps.cli.console import bytes_in_words, plural

if TYPE_CHECKING:
    from sweeps.spec.space_survey import Survey
    from sweeps.spec.sweep_spec import SweepSpec

# From here on a line says how to take less.
MUCH = 1e9
# What a file takes beside its numbers: some 300 bytes for each of a few tens of tensors.
FILE = 10_000.0


def students(spec: "SweepSpec", found: "Survey | None") -> str:
    """What the students take that `artefacts/students` keeps, in words; empty where their size is not known.

    Args:
        spec: the sweep.
        found: what its space asks for.
    """
    each = student_bytes(spec, found)
    if each is None:
        return ""
    size, seeds = bytes_in_words(each), len(spec.replicates.seeds)
    keep = "chosen" if spec.trials == 1 else spec.artefacts.students
    if keep != "chosen" and spec.trials is None:
        return f"about {size} for each replicate of {'a trial' if keep == 'all' else 'the front'} and each control"
    trials = 1 if keep == "chosen" else int(spec.trials or 1)
    total = each * seeds * (trials + len(spec.controls))
    which = {
        "all": plural(trials, "trial"),
        "front": "the front",
        "chosen": "1 trial" if spec.trials == 1 else "the chosen trial",
    }[keep]
    most = "at most" if keep == "front" else "about"
    text = f"{most} {bytes_in_words(total)}: {size} for each replicate of {which}"
    text += f" and {plural(len(spec.controls), 'control')}" if spec.controls else ""
    if keep == "all" and total >= MUCH:
        text += "; `artefacts: {students: front}` keeps fewer"
    return text


def student_bytes(spec: "SweepSpec", found: "Survey | None") -> float | None:
    """Bytes of one student's file, of the largest where several are searched; None where nobody says."""
    from acgkd.datasets import known_of
    from acgkd.models import numbers_in

    asked = None if found is None else found.parameters.get("student/preset")
    presets = [spec.student.preset] if asked is None else [end for end in asked.ends if isinstance(end, str)]
    known = known_of(spec.dataset)
    shape = spec.prior.shape or known.shape
    features = spec.prior.feature_count or known.feature_count or (None if shape is None else shape[0])
    classes = spec.prior.classes or known.classes
    if features is None or classes is None or any(":" in preset for preset in presets):
        return None
    sizes = [numbers_in(preset, features, classes) for preset in presets]
    counted = [size for size in sizes if size is not None]
    return FILE + 4.0 * max(counted) if counted and len(counted) == len(sizes) else None
