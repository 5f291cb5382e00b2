"""What every config is: frozen, closed to unknown keys; some have grown, for some a plain word may stand."""

from typing import ClassVar, TypeVar

from pydantic import BaseModel, ConfigDict, SerializerFunctionWrapHandler, model_serializer, model_validator

T = TypeVar("T")


class Config(BaseModel):
    """Base of every config: frozen, closed to unknown keys, finite numbers only."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, validate_default=True)


class GrownConfig(Config):
    """A config that had fewer fields in the past.

    Fields in `later` are written only where they are set: what was made before they came keeps its fingerprint. Where
    a subclass has another default, the first one is still what is left out, so that old files keep their meaning.
    """

    later: ClassVar[tuple[str, ...]] = ()

    @model_serializer(mode="wrap")
    def _as_before(self, write: SerializerFunctionWrapHandler) -> dict[str, object]:
        written: dict[str, object] = write(self)
        for name in self.later:
            if getattr(self, name) == _first_default(type(self), name):
                written.pop(name, None)
        return written


def _first_default(config: type[BaseModel], field: str) -> object:
    """The default of a field in the class that brought it."""
    bringing = [base for base in config.__mro__ if issubclass(base, BaseModel) and field in base.model_fields]
    return bringing[-1].model_fields[field].default


def spelled_out(value: T, key: str) -> T | dict[str, T]:
    """Lets a plain word stand for a mapping with one key: ``mutag`` for ``{"name": "mutag"}``."""
    return {key: value} if isinstance(value, str) else value


class ShortConfig(Config):
    """A config for which a plain word may stand: the value of the field that `word` names."""

    word: ClassVar[str] = "name"

    @model_validator(mode="before")
    @classmethod
    def _short(cls, value: object) -> object:
        return spelled_out(value, cls.word)
