"""What methods are as they declare it, and how far a row is from that: other settings, a cheaper form, fewer steps."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from analysis.formatting import known as is_known
from analysis.formatting import number
from analysis.records.cell_values import from_text

# Amounts: a row that differs in these alone is still the method.
# A recipe names settings that are compared themselves.
AMOUNTS = frozenset(
    {
        "synthesis/steps",
        "synthesis/graphs",
        "synthesis/images",
        "synthesis/decay_every",
        "synthesis/recipe",
        "transfer/steps",
        "transfer/recipe",
    }
)
OURS = "ours"
_METHOD = "setting/method/"
_STAGES = (("synthesis", "synthesis"), ("transfer", "transfer"), ("joint", "transfer"))
_SAMPLES = ("graphs", "images")
_RECIPE = "synthesis/recipe"


@dataclass(frozen=True)
class KnownVariant:
    """Settings of a method that somebody stands for.

    Args:
        name: how pages call it.
        settings: all of them by slash path (``synthesis/steps``).
        origin: whose: ``paper``, ``released code``, ``port`` or ``ours``.
        source: what it was taken from.
        less_of: name of the variant that it is a cheaper form of; empty where it is none.
        free: what a cheaper form says otherwise than that one, so that it is an amount here.
        teachers: families of models that it was published for; empty where any will do.
    """

    name: str
    settings: Mapping[str, object]
    origin: str = ""
    source: str = ""
    less_of: str = ""
    free: frozenset[str] = frozenset()
    teachers: tuple[str, ...] = ()

    def carried_over_to(self, teacher: object) -> bool:
        """Whether it was published for teachers of other families than this one."""
        family = str(teacher).partition("-")[0] if is_known(teacher) else ""
        return bool(self.teachers and family) and family not in self.teachers


@dataclass(frozen=True)
class KnownMethod:
    """What a method is as it declares it.

    Args:
        defaults: its settings where nobody sets any, by slash path (``synthesis/steps``).
        control: whether it is no method but something to read methods against.
        variants: whose settings are known; where none is declared, the defaults stand for the method.
    """

    defaults: Mapping[str, object] = field(default_factory=dict)
    control: bool = False
    variants: tuple[KnownVariant, ...] = ()

    @property
    def declared(self) -> tuple[KnownVariant, ...]:
        """Its variants, or its defaults as the only one."""
        return self.variants or ((KnownVariant("default", self.defaults),) if self.defaults else ())

    def published(self, variant: KnownVariant) -> bool:
        """Whether a variant, or that of which it is a cheaper form, is somebody else's than ours."""
        return self.full(variant).origin != OURS

    def full(self, variant: KnownVariant) -> KnownVariant:
        """The variant of which one is a cheaper form, or that one."""
        return next((one for one in self.variants if one.name == variant.less_of), variant)


Published = Mapping[str, KnownMethod]


@dataclass(frozen=True)
class Match:
    """The declared variant that a row is nearest to.

    Args:
        variant: which.
        others: the settings in which the row differs, amounts and searched ones left out.
        carried_to: the teacher, where the variant was published for other ones alone.
    """

    variant: KnownVariant
    others: tuple[str, ...]
    carried_to: str = ""

    @property
    def words(self) -> str:
        """``released (released code), but for transfer/rate``."""
        variant = self.variant
        said = [
            *([variant.origin] if variant.origin else []),
            *([f"less of {variant.less_of}"] if variant.less_of else []),
            *([f"carried over to {self.carried_to}"] if self.carried_to else []),
        ]
        listed = ", ".join(self.others[:3]) + (f" and {len(self.others) - 3} more" if len(self.others) > 3 else "")
        return variant.name + (f" ({', '.join(said)})" if said else "") + (f", but for {listed}" if listed else "")


@dataclass(frozen=True)
class Steps:
    """Steps of one stage, or pseudo-samples: those that a row had, and those of its method as declared.

    Args:
        stage: whose steps; or ``graphs``, ``images``.
        taken: how many the row had.
        default: how many its method has.
    """

    stage: str
    taken: int
    default: int

    @property
    def fewer(self) -> bool:
        """Whether the row took fewer."""
        return self.taken < self.default


def match_of(first: Mapping[str, object], known: KnownMethod, searched: Sequence[str] = ()) -> Match | None:
    """The declared variant that a row differs least from; None where nothing is known of the method.

    Args:
        first: a replicate of the row, by column.
        known: its method.
        searched: slash paths of what its sweep searched, below the method.
    """
    recipe = first.get(_METHOD + _RECIPE)
    same = [one for one in known.declared if is_known(recipe) and _equal(_plain(recipe), one.settings.get(_RECIPE))]
    teacher = first.get("teacher")
    found = [
        Match(one, _others(first, one, searched), str(teacher) if one.carried_over_to(teacher) else "")
        for one in same or known.declared
    ]
    return min(found, key=lambda match: (len(match.others), not known.published(match.variant)), default=None)


def steps_of(first: Mapping[str, object], known: KnownMethod | None, searched: Sequence[str] = ()) -> tuple[Steps, ...]:
    """Steps of each stage that a row went through and whose default is known.

    Args:
        first: a replicate of the row, by column.
        known: its method; None where it is not known.
        searched: slash paths of what its sweep searched, below the method.
    """
    budget, found = _budget(first, known, searched), []
    for stage, where in _STAGES:
        default, said = budget.get(f"{where}/steps"), first.get(f"{_METHOD}{where}/steps")
        if isinstance(default, int) and is_known(said) and is_known(first.get(f"{stage}_steps")):
            found.append(Steps(stage, int(number(_plain(said))), default))
    return tuple(found)


def fewer_samples(
    first: Mapping[str, object], known: KnownMethod | None, searched: Sequence[str] = ()
) -> tuple[Steps, ...]:
    """Pseudo-samples of a row that has fewer than its method as declared."""
    budget, found = _budget(first, known, searched), []
    for what in _SAMPLES:
        default, said = budget.get(f"synthesis/{what}"), first.get(f"{_METHOD}synthesis/{what}")
        if isinstance(default, int) and is_known(said):
            found.append(Steps(what, int(number(_plain(said))), default))
    return tuple(each for each in found if each.fewer)


def steps_taken(first: Mapping[str, object]) -> int:
    """Steps of all stages that a row went through, whatever its method."""
    said = [first.get(f"{stage}_steps") for stage, _ in _STAGES]
    return sum(int(number(steps)) for steps in said if is_known(steps))


def settings_apart(first: Mapping[str, object], known: KnownMethod) -> dict[str, object]:
    """All settings of a row that are not its method's defaults, amounts among them, by slash path."""
    found = {}
    for path, default in known.defaults.items():
        cell = first.get(_METHOD + path)
        if is_known(cell) and not _equal(_plain(cell), default):
            found[path] = _plain(cell)
    return {path: value for path, value in found.items() if value is not None and str(value)}


def _budget(first: Mapping[str, object], known: KnownMethod | None, searched: Sequence[str]) -> Mapping[str, object]:
    """The settings that say how much a row's method has; nothing where that is not known."""
    match = None if known is None else match_of(first, known, searched)
    return {} if known is None or match is None else known.full(match.variant).settings


def _others(first: Mapping[str, object], variant: KnownVariant, searched: Sequence[str]) -> tuple[str, ...]:
    found = []
    for path, default in variant.settings.items():
        cell = first.get(_METHOD + path)
        # A setting that the record does not know came later, with a default that changed nothing.
        if path in AMOUNTS or path in variant.free or path in searched or not is_known(cell):
            continue
        if not _equal(_plain(cell), default):
            found.append(path)
    return tuple(found)


def _plain(cell: object) -> object:
    return from_text(cell) if isinstance(cell, str) else cell


def _equal(value: object, default: object) -> bool:
    if isinstance(default, list | tuple):
        return str(value) == ",".join(str(item) for item in default)
    if isinstance(default, bool) or default is None or isinstance(default, str):
        return bool(value == default) or str(value) == str(default)
    try:
        return float(str(value)) == float(str(default))
    except ValueError:
        return False
