"""The pages of the API: every public name of the three packages, for mkdocstrings to fill in."""

import importlib
import inspect

GUIDES = {"acgkd": "distil from a teacher of yours", "sweeps": "run and steer sweeps", "analysis": "read and compare"}


def api_page(package: str) -> str:
    """Every public name of a package, exceptions but for the list of errors left out."""
    module = importlib.import_module(package)
    names = [name for name in module.__all__ if not _is_error(name) and not name.startswith("__")]
    about = inspect.cleandoc(module.__doc__ or "").split("\n\n")[0]
    lines = [
        f"# The API of `{package}`",
        "",
        " ".join(about.split()),
        "",
        f"[From Python](../api/{package}.md) shows how to {GUIDES[package]}; exceptions are in [errors](errors.md).",
        "Made by `python docs/generate.py` from what is public; signatures and texts are those of the code.",
    ]
    for name in names:
        lines += ["", f"::: {package}.{name}"]
    return "\n".join(lines) + "\n"


def _is_error(name: str) -> bool:
    from acgkd import errors

    return isinstance(getattr(errors, name, None), type)


def acgkd_page() -> str:
    """What is public in `acgkd`."""
    return api_page("acgkd")


def sweeps_page() -> str:
    """What is public in `sweeps`."""
    return api_page("sweeps")


def analysis_page() -> str:
    """What is public in `analysis`, figures and reports included."""
    text = api_page("analysis")
    for package in ("figures", "reports"):
        module = importlib.import_module(f"analysis.{package}")
        names = [name for name in getattr(module, "__all__", ()) if callable(getattr(module, name))]
        blocks = "\n\n".join(f"::: analysis.{package}.{name}" for name in names)
        text = text.replace(f"\n::: analysis.{package}\n", f"\n{blocks}\n")
    return text
