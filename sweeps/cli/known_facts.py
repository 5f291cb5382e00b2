"""What a sweep takes as known of its data, and who says so: the spec, a publication, or the data themselves."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sweeps.spec.sweep_spec import SweepSpec

_MEASURED = "measured on the data"


def prior_lines(spec: "SweepSpec") -> list[str]:
    """A line for each that says something: ``published: 10 to 28 nodes, mean degree 2.21, 2 classes``."""
    from acgkd.datasets import known_of, prior_origins

    known = known_of(spec.dataset)
    said: dict[str, list[str]] = {"given": []}
    for name, origin in prior_origins(spec.prior, spec.dataset).items():
        text = _in_words(name, getattr(spec.prior if origin == "given" else known, name))
        who = _MEASURED if origin == "measured" else origin
        said.setdefault(who, []).extend([text] if text else [])
    return [f"{who}: {', '.join(facts)}" for who, facts in said.items() if facts]


def _in_words(name: str, value: Any) -> str:
    if value == "unknown":
        return "mean degree unknown"
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
