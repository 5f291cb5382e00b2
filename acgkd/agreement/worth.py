"""What agreement on a reference pool is worth: the facts beside it, and the bounds beyond which it says nothing.

The pool is made up, as is what students are taught with, so a worthless student may follow its teacher there. Whether
one could is seen without data: by what a student reaches that was taught with noise, by what the teacher says on the
pool and how surely, and by how far the parts of the pool are apart.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

MEASURED_ON_POOL = ("agreement", "agreement_overlap")
"""Objectives that are measured on the reference pool."""

NOT_INFORMATIVE = "agreement is not informative here"

CONTROL_LIMIT = 0.9
"""A lower control that follows the teacher on nine samples of ten leaves methods no room to differ in."""
CLASSES_LIMIT = 0.5
"""Share of its classes that the teacher must at least say: of the others agreement knows nothing."""
CONFIDENCE_LIMIT = 0.2
"""How far from a guess (0) to certainty (1) the teacher's mean confidence must be: below, verdicts are near ties."""
SPREAD_LIMIT = 0.3
"""By how much agreement may differ between parts of the pool: beyond, the choice of parts decides."""

RISKS = ((0.9, 8, 116), (0.8, 63, 251), (0.7, 70, 122), (0.0, 109, 151))
"""From each overlap up to the one before: how many students failed, with less than 0.75 of the accuracy of a teacher of
graphs with BatchNorm layers, and of how many. Of `docs/results/agreement.md`; seeds from 100, data-free methods."""


@dataclass(frozen=True)
class Worth:
    """The facts beside one agreement, under the names of the record's columns; None is what is not known.

    Shares are in [0, 1]; a ranking is not a share.

    Args:
        agreement: class-balanced, of the student, averaged over the parts of the pool.
        control_agreement: the same of a student that the lower control taught, on the same pool.
        classes: that the teacher tells apart.
        pool_classes: that it says on the pool.
        pool_smallest_class: samples of the one that it says there least often.
        pool_confidence: its mean largest probability there.
        agreement_lowest: agreement on the part of the pool where it is lowest.
        agreement_highest: and on that where it is highest.
        agreement_worst_class: agreement within the class that the student follows least, of those said on the pool.
        agreement_ranking: how alike teacher and student order the samples of a part, from -1 to 1, averaged over parts.
        pool_memory: BatchNorm layers of the teacher, by whose memory a pool of graphs is led.
        agreement_overlap: what the class probabilities of teacher and student have in common, averaged over parts.
        control_overlap: the same of a student that the lower control taught.
    """

    agreement: float | None
    control_agreement: float | None = None
    classes: int | None = None
    pool_classes: int | None = None
    pool_smallest_class: int | None = None
    pool_confidence: float | None = None
    agreement_lowest: float | None = None
    agreement_highest: float | None = None
    agreement_worst_class: float | None = None
    agreement_ranking: float | None = None
    pool_memory: int | None = None
    agreement_overlap: float | None = None
    control_overlap: float | None = None

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> "Worth":
        """The facts in a record's row; what is not there is not known."""
        named = {field.name: row.get(field.name) for field in fields(cls)}
        return cls(**{name: None if value != value else value for name, value in named.items()})

    def columns(self) -> dict[str, float | int | None]:
        """The facts as columns of a record: those that are known."""
        return {name: value for name, value in asdict(self).items() if value is not None}

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why agreement is not informative, a sentence each, without a full stop; empty where nothing is against it."""
        return tuple(reason for _, rules in FACTS for rule in rules if (reason := rule(self)) is not None)

    @property
    def informative(self) -> bool:
        """Whether no rule is broken, as far as the facts are known."""
        return not self.reasons

    @property
    def facts(self) -> tuple[str, ...]:
        """What else is known beside the number, a sentence each, without a full stop; without what reasons say."""
        sound = (fact(self) for fact, rules in FACTS if all(rule(self) is None for rule in rules))
        return tuple(said for said in sound if said is not None)

    @property
    def verdict(self) -> str:
        """A few sentences: whether it is informative and why not; and what is known beside it."""
        beside = "; ".join(self.facts)
        if self.informative:
            return f"What agreement is worth: {beside}. It is on made-up samples, and no accuracy."
        why = f"{NOT_INFORMATIVE[0].upper()}{NOT_INFORMATIVE[1:]}: {'; '.join(self.reasons)}."
        return f"{why} {beside[0].upper()}{beside[1:]}." if beside else why


def _control(worth: Worth) -> str:
    reached = worth.control_agreement
    if reached is None:
        return "what a student taught with noise reaches on the same pool was not measured"
    no_less = ", no less than this one" if worth.agreement is not None and worth.agreement <= reached else ""
    softly = "" if worth.control_overlap is None else f", with an overlap of {worth.control_overlap:.3f}"
    return f"a student taught with noise reaches {reached:.3f} on the same pool{no_less}{softly}"


def _control_agrees(worth: Worth) -> str | None:
    if worth.control_agreement is None or worth.control_agreement < CONTROL_LIMIT:
        return None
    return f"{_control(worth)}, where {CONTROL_LIMIT} is too much"


def _classes(worth: Worth) -> str | None:
    if worth.pool_classes is None:
        return None
    of = "" if worth.classes is None else f" of its {worth.classes}"
    count = worth.pool_smallest_class
    rarest = "" if count is None else f" (the rarest {'once' if count == 1 else f'{count} times'})"
    return f"the teacher says {worth.pool_classes}{of} classes there{rarest}"


def _one_class(worth: Worth) -> str | None:
    if worth.pool_classes is None or worth.pool_classes > 1:
        return None
    return "the teacher says one class of the whole pool, so whoever always says that class agrees"


def _few_classes(worth: Worth) -> str | None:
    said, known = worth.pool_classes, worth.classes
    if said is None or known is None or said <= 1 or said >= CLASSES_LIMIT * known:
        return None
    return f"the teacher says {said} of its {known} classes on the pool, so nothing is known of most of them"


def _confidence(worth: Worth) -> str | None:
    if worth.pool_confidence is None:
        return None
    guess = f", where a guess has {1 / worth.classes:.2f}" if worth.classes else ""
    return f"its mean confidence is {worth.pool_confidence:.2f}{guess}"


def _unsure(worth: Worth) -> str | None:
    if worth.pool_confidence is None or not worth.classes or worth.classes < 2:
        return None
    guess = 1 / worth.classes
    if (worth.pool_confidence - guess) / (1 - guess) >= CONFIDENCE_LIMIT:
        return None
    return f"the teacher hardly decides on the pool: {_confidence(worth)}"


def _parts(worth: Worth) -> str | None:
    if worth.agreement_lowest is None or worth.agreement_highest is None:
        return None
    return f"parts of the pool give {worth.agreement_lowest:.3f} to {worth.agreement_highest:.3f}"


def _parts_disagree(worth: Worth) -> str | None:
    lowest, highest = worth.agreement_lowest, worth.agreement_highest
    if lowest is None or highest is None or highest - lowest <= SPREAD_LIMIT:
        return None
    return f"{_parts(worth)}, more than {SPREAD_LIMIT} apart, so the choice of parts decides"


def _memory(worth: Worth) -> str | None:
    if worth.pool_memory is None:
        return None
    return f"the pool follows what the teacher remembers (BatchNorm layers: {worth.pool_memory})"


def _no_memory(worth: Worth) -> str | None:
    if worth.pool_memory is None or worth.pool_memory > 0:
        return None
    return "no BatchNorm layer of the teacher remembers its data, and then agreement hardly ranks students"


def _risk(worth: Worth) -> str | None:
    """What became of such students elsewhere; not where agreement says nothing, nor where nothing was measured."""
    overlap = worth.agreement_overlap
    if overlap is None or not worth.pool_memory or not worth.informative:
        return None
    # Rounding may leave an overlap of nothing a hair below 0.
    place = next(place for place, (lower, _, _) in enumerate(RISKS) if max(overlap, 0.0) >= lower)
    lower, failed, students = RISKS[place]
    upper = RISKS[place - 1][0] if place else 1.0
    between = f"from {lower} to {upper}" if lower else f"below {upper}"
    return (
        f"with an overlap {between}, as the {overlap:.3f} here, {failed} of {students} students of this project's "
        "study had less than 0.75 of their teacher's accuracy"
    )


_Sentence = Callable[[Worth], str | None]
FACTS: tuple[tuple[_Sentence, tuple[_Sentence, ...]], ...] = (
    (_control, (_control_agrees,)),
    (_classes, (_one_class, _few_classes)),
    (_confidence, (_unsure,)),
    (_parts, (_parts_disagree,)),
    (_memory, (_no_memory,)),
    (_risk, ()),
)
"""What is said of each fact, and the rules that it may break."""
