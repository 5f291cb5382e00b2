"""Recipes: named sets of settings that fill in what is not said, for methods whose sources do not agree."""

from collections.abc import Mapping
from typing import Any, get_args

from pydantic import model_validator

from acgkd.method import MethodConfig


def filled(values: Any, recipe: str, settings: Mapping[str, Any]) -> Any:
    """`values` with `settings` for what they leave out, all the way down, where they ask for that recipe."""
    if not isinstance(values, Mapping) or values.get("recipe") != recipe:
        return values
    return _beneath(values, settings)


def _beneath(values: Mapping[str, Any], others: Mapping[str, Any]) -> dict[str, Any]:
    joined = {**others, **values}
    for key, other in others.items():
        if isinstance(other, Mapping) and isinstance(values.get(key), Mapping):
            joined[key] = _beneath(values[key], other)
    return joined


class OneRecipeConfig(MethodConfig):
    """Base of the settings of a method with recipes: one for both stages, unless the second says another."""

    @model_validator(mode="before")
    @classmethod
    def _one_recipe(cls, values: Any) -> Any:
        synthesis, transfer = values.get("synthesis"), values.get("transfer", {})
        if not isinstance(synthesis, Mapping) or not isinstance(transfer, Mapping):
            return values
        # What is no recipe is refused where it was said, and nowhere else.
        if synthesis.get("recipe") in cls._recipes():
            return {**values, "transfer": {"recipe": synthesis["recipe"], **transfer}}
        return values

    @classmethod
    def _recipes(cls) -> tuple[Any, ...]:
        """The names that both stages know."""
        stage: Any = cls.model_fields["synthesis"].annotation
        return get_args(stage.model_fields["recipe"].annotation)
