"""What every method of the catalogue is by default, as comparisons read it."""

from acgkd.config import MethodChoice, flatten
from acgkd.errors import AcgkdError
from acgkd.method import AnyMethod
from acgkd.methods import METHODS, parse_method
from analysis.comparison.published import KnownMethod, KnownVariant


def published_methods() -> dict[str, KnownMethod]:
    """What each method declares: its defaults, whose settings are known, and whether it is a control.

    A file of somebody's own that cannot be read as a method is left out.

    Example:
        >>> analysis.compare_methods(["runs/a", "runs/b"], published=sweeps.published_methods())
    """
    found = {}
    for name in METHODS:
        try:
            method, config = parse_method(MethodChoice(name=name))
        except (AcgkdError, ImportError):
            continue
        defaults = flatten(config.model_dump(mode="json"))
        found[name] = KnownMethod(defaults, method.needs_data or method.lower_control, _variants(name, method))
    return found


def _variants(name: str, method: AnyMethod) -> tuple[KnownVariant, ...]:
    """The variants that a method declares, with all of their settings."""
    whole = {}
    for variant in method.variants:
        _, config = parse_method(MethodChoice.model_validate({"name": name, **variant.settings}))
        whole[variant.name] = flatten(config.model_dump(mode="json"))
    found = []
    for variant in method.variants:
        settings = whole[variant.name]
        full = whole.get(variant.less_of, settings)
        free = frozenset(path for path in settings if settings[path] != full.get(path))
        found.append(
            KnownVariant(
                variant.name, settings, variant.origin, variant.source, variant.less_of, free, variant.teachers
            )
        )
    return tuple(found)
