"""Recipes: named sets of settings that fill in what is not said, for methods whose sources do not agree."""

from collections.abc import Mapping
from typing import Literal, get_args

from pydantic import BaseModel, model_validator

from acgkd.method import MethodConfig, Variant

# Of methods on images: what is not said is the released code's value, or what a laptop does in minutes.
ImageRecipe = Literal["released", "compact"]
# Of GFKD: the released code and the paper do not agree.
GraphRecipe = Literal["released", "paper"]


def filled_in(recipe: str, settings: Mapping[str, object]) -> object:
    """A validator of a config with a field `recipe`: where that is `recipe`, `settings` fill in what is not said.

    They do so all the way down: ``{"generator": {"width": 32}}`` fills in the width of a generator of which something
    else is said.
    """

    def fill(values: object) -> object:
        if not isinstance(values, Mapping) or values.get("recipe") != recipe:
            return values
        return _beneath(values, settings)

    return model_validator(mode="before")(fill)


def compact(**settings: object) -> object:
    """A validator that fills in the compact recipe's settings."""
    return filled_in("compact", settings)


def with_compact(*published: Variant) -> tuple[Variant, ...]:
    """Variants of a method on images, and each of them under the compact recipe, which is ours."""
    source = (
        "the same losses: fewer steps and images, a smaller generator, one way of teaching students for all methods"
    )
    small: list[Variant] = []
    for variant in published:
        # What a variant says stands under either recipe, but its budget is what the recipe is to replace.
        settings = {stage: dict(variant.settings.get(stage, {})) for stage in ("synthesis", "transfer")}
        settings["synthesis"] = {k: v for k, v in settings["synthesis"].items() if k not in _BUDGET}
        settings["transfer"] = {k: v for k, v in settings["transfer"].items() if k not in (*_BUDGET, *_TRAINING)}
        settings["synthesis"]["recipe"] = "compact"
        settings = {stage: said for stage, said in settings.items() if said}
        if all(settings != one.settings for one in small):
            small.append(Variant(f"{variant.name}, compact", "ours", source, settings, variant.name))
    return (*published, *small)


_BUDGET = ("steps", "images", "batch_size")
_TRAINING = ("rate", "optimizer", "weight_decay", "decay", "decay_at")


def _beneath(values: Mapping[str, object], others: Mapping[str, object]) -> dict[str, object]:
    joined = {**others, **values}
    for key, other in others.items():
        own = values.get(key)
        if isinstance(other, Mapping) and isinstance(own, Mapping):
            joined[key] = _beneath(own, other)
    return joined


class OneRecipeConfig(MethodConfig):
    """Base of the settings of a method with recipes: one for both stages, unless the second says another."""

    @model_validator(mode="before")
    @classmethod
    def _one_recipe(cls, values: Mapping[str, object]) -> Mapping[str, object]:
        synthesis, transfer = values.get("synthesis"), values.get("transfer", {})
        if not isinstance(synthesis, Mapping) or not isinstance(transfer, Mapping):
            return values
        # What is no recipe is refused where it was said, and nowhere else.
        if synthesis.get("recipe") in cls._recipes():
            return {**values, "transfer": {"recipe": synthesis["recipe"], **transfer}}
        return values

    @classmethod
    def _recipes(cls) -> tuple[object, ...]:
        """The names that both stages know."""
        stage = cls.model_fields["synthesis"].annotation
        assert isinstance(stage, type), "settings have a class"
        assert issubclass(stage, BaseModel), "and are a config"
        return get_args(stage.model_fields["recipe"].annotation)
