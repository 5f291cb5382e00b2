"""Packages of the extra `export`, imported when they are used."""

from importlib import import_module
from types import ModuleType

from acgkd.errors import ConfigError


def needed(name: str, package: str) -> ModuleType:
    """Imports a module of the extra.

    Args:
        name: of the module.
        package: that it comes with.

    Raises:
        ConfigError: it is not installed; the message says what to type.
    """
    try:
        return import_module(name)
    except ImportError:
        raise ConfigError(
            f"This needs the package `{package}`, which is not installed. Type: pip install 'acgkd[export]'."
        ) from None
