"""How much a method depends on its settings: perturbed ones, what they came to, a claim about it, and equal seconds.

Perturb the settings, run what comes of it as controls, and read what it came to:

    changes = analysis.robustness.jointly(settings, 30)  # all hyper-parameters at once, thirty times
    studies = analysis.robustness.studies(frame)
    analysis.robustness.verdict(analysis.robustness.contrasts(studies, "rdskd"))
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from analysis.robustness.claim import RULE, Contrast, contrast, level, verdict
    from analysis.robustness.perturbations import Variant, hyper_parameters, jointly, one_at_a_time, perturbed
    from analysis.robustness.perturbed_rows import Study, absent, contrasts, studies
    from analysis.robustness.setting_spread import Spread, spread_over_settings
    from analysis.robustness.timed_curves import TimedCurve, equal_seconds, read_curves

__all__ = [
    "RULE",
    "Contrast",
    "Spread",
    "Study",
    "TimedCurve",
    "Variant",
    "absent",
    "contrast",
    "contrasts",
    "equal_seconds",
    "hyper_parameters",
    "jointly",
    "level",
    "one_at_a_time",
    "perturbed",
    "read_curves",
    "spread_over_settings",
    "studies",
    "verdict",
]

_HOMES = {
    "claim": ("RULE", "Contrast", "contrast", "level", "verdict"),
    "perturbations": ("Variant", "hyper_parameters", "jointly", "one_at_a_time", "perturbed"),
    "perturbed_rows": ("Study", "absent", "contrasts", "studies"),
    "setting_spread": ("Spread", "spread_over_settings"),
    "timed_curves": ("TimedCurve", "equal_seconds", "read_curves"),
}


def __getattr__(name: str) -> object:
    """Imports pandas only for what reads rows: checking a suite perturbs settings without it."""
    from importlib import import_module

    for module, names in _HOMES.items():
        if name in names:
            return getattr(import_module(f"{__name__}.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}. Public names: {', '.join(__all__)}.")
