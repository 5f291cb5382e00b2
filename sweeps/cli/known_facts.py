"""What a sweep takes as known of its data, and who says so: the spec, a publication, or the data themselves."""

from typing import TYPE_CHECKING, Any

from acgkd.config import PriorConfig

if TYPE_CHECKING:
    from sweeps.spec.sweep_spec import SweepSpec

PUBLISHED, GIVEN, MEASURED = "published", "given", "measured on the data"


def prior_lines(spec: "SweepSpec") -> list[str]:
    """A line for each that says something: ``published: 10 to 28 nodes, mean degree 2.21, 2 classes``."""
    from acgkd.datasets import dataset_of, known_of

    known = known_of(spec.dataset)
    origin = MEASURED if spec.dataset is not None and dataset_of(spec.dataset).measured else PUBLISHED
    said: dict[str, list[str]] = {GIVEN: [], origin: []}
    for name in PriorConfig.model_fields:
        own, other = getattr(spec.prior, name), getattr(known, name)
        given = own is not None and own != "known"
        text = _in_words(name, own if given else other)
        if text:
            said[GIVEN if given else origin].append(text)
    return [f"{who}: {', '.join(facts)}" for who, facts in said.items() if facts]


def _in_words(name: str, value: Any) -> str:
    if value is None or value in ("known", "unknown"):
        return "mean degree unknown" if value == "unknown" else ""
    match name:
        case "nodes":
            return f"{value[0]} to {value[1]} nodes"
        case "mean_degree":
            return f"mean degree {value:g}"
        case "features":
            return f"{value} features"
        case "feature_count":
            return f"{value} column{'' if value == 1 else 's'} of them"
        case "classes":
            return f"{value} classes"
        case "shape":
            return "images of " + " x ".join(map(str, value))
        case _:
            numbers = " ".join(f"{number:g}" for number in value) if isinstance(value, tuple) else value
            return f"{name.replace('_', ' ')} {numbers}"
