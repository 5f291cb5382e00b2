"""What checks find out about a spec, each thing once: the survey of its space, and every method's settings read."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import ValidationError

from acgkd.config import MethodChoice
from acgkd.errors import Fault
from sweeps.spaces import SPACES
from sweeps.spec.fault_messages import translate
from sweeps.spec.raw import tuples
from sweeps.spec.space_survey import Survey, survey
from sweeps.spec.stand_ins import Suggesting
from sweeps.spec.written_space import WrittenSpace

if TYPE_CHECKING:
    from acgkd.method import AnyMethod, MethodConfig


@dataclass(frozen=True)
class Settings:
    """What a method's own config makes of its settings.

    Args:
        entry: of the catalogue; None where there is no such method.
        config: the settings as the method reads them; None where something is wrong with them.
        faults: what is wrong, with paths below the method: ``synthesis/rate``.
    """

    entry: "AnyMethod | None" = None
    config: "MethodConfig | None" = None
    faults: tuple[Fault, ...] = ()

    def at(self, prefix: str) -> list[Fault]:
        """The faults with paths below `prefix`."""
        return [Fault(f"{prefix}/{fault.path}".strip("/"), fault.message) for fault in self.faults]


class Inspection:
    """Looks at each thing when it is first asked for, and remembers it by what it says."""

    def __init__(self) -> None:
        self._surveys: list[tuple[object, Survey | None]] = []
        self._settings: dict[str, Settings] = {}

    def __reduce__(self) -> "tuple[type[Inspection], tuple[()]]":
        """Another process looks for itself: nothing that was found out travels."""
        return Inspection, ()

    def survey(self, space: object) -> Survey | None:
        """What a space asks for; None where there is none, or it is broken.

        Args:
            space: as the spec has it: a catalogue name, or parameters by name.
        """
        for known, found in self._surveys:
            if known is space or (type(known) is type(space) and known == space):
                return found
        suggest = _suggest(space)
        found = None if suggest is None else survey(suggest)
        self._surveys.append((space, found))
        return found

    def settings(self, method: MethodChoice) -> Settings:
        """What a method makes of its settings."""
        key = json.dumps([method.name, method.synthesis, method.transfer], sort_keys=True, default=repr)
        if key not in self._settings:
            self._settings[key] = _read(method)
        return self._settings[key]


def _suggest(space: object) -> Callable[[Suggesting], object] | None:
    if isinstance(space, str):
        return SPACES[space] if space in SPACES.names() else None
    if not isinstance(space, Mapping):
        return None
    written = WrittenSpace(space)
    return None if any(True for _ in written.faults()) else written.suggest


def _read(method: MethodChoice) -> Settings:
    from acgkd.methods import METHODS

    if method.name not in METHODS:
        return Settings()
    entry = METHODS[method.name]
    data = {"synthesis": method.synthesis, "transfer": method.transfer}
    try:
        return Settings(entry, entry.config.model_validate(tuples(data), strict=True))
    except ValidationError as error:
        return Settings(entry, None, tuple(translate(error, entry.config, data)))
