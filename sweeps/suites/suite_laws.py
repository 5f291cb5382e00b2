"""Laws of a suite, beyond the types of its keys: names that there are, axes that meet, a reference that can be one."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from pydantic import TypeAdapter, ValidationError

from acgkd.config import Config, DatasetConfig, MethodChoice, StudentConfig, TeacherConfig
from acgkd.datasets import DATASETS
from acgkd.errors import AcgkdError, Fault, nearest
from acgkd.methods import METHODS
from acgkd.models import MODELS
from sweeps.spec.fault_messages import known_name, translate, unknown_key
from sweeps.spec.raw import tuples
from sweeps.spec.sweep_spec import SweepSpec
from sweeps.suites.members import Member, axes, kind_of_data, kind_of_pair
from sweeps.suites.rows import Row, is_control, is_joint, knows_draws, lacks_steps, without_steps
from sweeps.suites.spec.axes import GOVERNED, SuiteDataset, SuitePair
from sweeps.suites.spec.section import SuiteSection

LONGEST_NAME = 100
# Sections of a sweep that stand for an axis of one entry.
_OWN: dict[str, type[Config]] = {"dataset": DatasetConfig, "teacher": TeacherConfig, "student": StudentConfig}
_OF_A_SUITE = frozenset(SuiteDataset.model_fields) - frozenset(DatasetConfig.model_fields)


def section_faults(base: Mapping[str, object]) -> Iterator[Fault]:
    """Sections that no suite has, or that stand for an axis."""
    known = ["suite", *(name for name in SweepSpec.model_fields if name not in GOVERNED)]
    for name in base:
        if name == "space":
            yield Fault(
                name,
                "In a suite rows are searched one by one. Put `space` into those of `suite/methods` that are to be.",
            )
        elif name in GOVERNED:
            yield Fault(name, f"In a suite `{GOVERNED[name]}` says what is run. Put it there, and leave `{name}` out.")
        elif name not in known:
            yield Fault(name, unknown_key(name, known))


def own_faults(base: Mapping[str, object]) -> Iterator[Fault]:
    """Data set, teacher and student beside `suite` are sections of a sweep, and hold before they are an axis."""
    for name, config in _OWN.items():
        said = base.get(name, {})
        if isinstance(said, Mapping):
            beside = [key for key in said if name == "dataset" and key in _OF_A_SUITE]
            for key in beside:
                yield Fault(
                    f"{name}/{key}",
                    f"`{key}` is said of a data set under `suite/datasets`, but here is the section of a sweep. Put the"
                    " data set there.",
                )
            said = {key: value for key, value in said.items() if key not in beside}
        if name in base:
            try:
                TypeAdapter(config).validate_python(tuples(said), strict=True)
            except ValidationError as error:
                yield from translate(error, config, said, name)


def name_faults(suite: SuiteSection, base: Mapping[str, object]) -> Iterator[Fault]:
    """Entries of catalogues exist, labels are unique, and what names a label names one that there is."""
    for number, method in enumerate(suite.methods):
        yield from known_name(METHODS, method.name, f"suite/methods/{number}/name")
    datasets, pairs = axes(suite, base)
    for number, dataset in enumerate(datasets):
        yield from _data_faults(dataset, f"suite/datasets/{number}" if suite.datasets else "dataset")
    for number, pair in enumerate(suite.pairs):
        if ":" in pair.student.preset:  # code of the user's, which each sweep looks at
            continue
        yield from known_name(MODELS, pair.student.preset.split("-")[0], f"suite/pairs/{number}/student/preset")
    for axis in ("methods", "datasets", "pairs"):
        yield from _twice(axis, [item.label for item in getattr(suite, axis)])
    labels = {
        "methods": [item.label for item in suite.methods],
        "datasets": [item.label for item in datasets],
        "pairs": [item.label for item in pairs],
    }
    yield from _missing(suite, base)
    yield from _names(suite.reference, labels["methods"], "row", "suite/reference")
    for number, rule in enumerate(suite.exclude):
        for axis, known in labels.items():
            noun = {"methods": "row", "datasets": "data set", "pairs": "pair"}[axis]
            yield from _names(getattr(rule, axis) or (), known, noun, f"suite/exclude/{number}/{axis}")
    choosing = [(f"suite/methods/{number}", item.datasets) for number, item in enumerate(suite.methods)]
    choosing += [(f"suite/pairs/{number}", item.datasets) for number, item in enumerate(suite.pairs)]
    for path, names in choosing:
        yield from _names(names or (), labels["datasets"], "data set", f"{path}/datasets")
    for number, dataset in enumerate(suite.datasets):
        for name in dataset.methods:
            yield from _names([name], labels["methods"], "row", f"suite/datasets/{number}/methods/{name}")
            if any(item.label == name and item.settings_from is not None for item in suite.methods):
                yield Fault(
                    f"suite/datasets/{number}/methods/{name}",
                    f"'{name}' has the settings that a search chose on this data set. Leave these out.",
                )
    for name, steps in suite.calibrated.items():
        yield from _names([name], labels["datasets"], "data set", f"suite/calibrated/{name}")
        for row in steps:
            yield from _names([row], labels["methods"], "row", f"suite/calibrated/{name}/{row}")


def _data_faults(dataset: SuiteDataset, path: str) -> Iterator[Fault]:
    if dataset.name not in DATASETS:
        yield from known_name(DATASETS, dataset.name, f"{path}/name")
        return
    try:
        kind_of_data(dataset)
    except AcgkdError as error:
        yield Fault(path, str(error))


def _missing(suite: SuiteSection, base: Mapping[str, object]) -> Iterator[Fault]:
    if suite.datasets and "dataset" in base:
        yield Fault("dataset", "Data sets stand under `suite/datasets`, but here is one more. Put it there.")
    if not suite.datasets and "dataset" not in base:
        yield Fault("suite/datasets", "A suite needs data sets, but there is none. Try `[mutag, ptc_mr]`.")
    sides = ("teacher", "student")
    for side in (side for side in sides if suite.pairs and side in base):
        yield Fault(side, f"Pairs stand under `suite/pairs`, but here is a {side} beside them. Put it there.")
    absent = [side for side in sides if side not in base]
    if absent and not suite.pairs:
        yield Fault(
            "suite/pairs",
            f"A suite needs pairs, or one `teacher` and one `student`, but there is no {' and no '.join(absent)}. Try "
            "`[{teacher: gin-5-64, student: gin-3-32}]`.",
        )


def _twice(axis: str, labels: Sequence[str]) -> Iterator[Fault]:
    for number, label in enumerate(labels):
        if label in labels[:number]:
            yield Fault(f"suite/{axis}/{number}", f"Duplicate label '{label}'. Give one of them another `label`.")


def _names(names: Iterable[str], known: Sequence[str], noun: str, path: str) -> Iterator[Fault]:
    for name in names:
        if name not in known:
            listed = ", ".join(known) or "none"
            yield Fault(path, f"No {noun} of this suite is called '{name}'. {nearest(name, known)}Known: {listed}.")


def reference_faults(suite: SuiteSection) -> Iterator[Fault]:
    """A reference is a method, under its own name."""
    for label in suite.reference:
        entry = next((item for item in suite.methods if item.label == label), None)
        if entry is None:
            continue
        if is_control(entry.name):
            yield Fault("suite/reference", f"A reference is a method, but `{label}` is a control. Name another row.")
        elif entry.stands_alone:
            yield Fault(
                "suite/reference",
                f"A reference has settings that stand in the suite, but `{label}` has those of a search. Name another "
                "row.",
            )
        elif entry.label != entry.name:
            yield Fault(
                "suite/reference",
                f"A reference goes by its method's name in all tables, but '{label}' is a label of `{entry.name}`. "
                "Leave its `label` out, and give one to the other rows of that method.",
            )


def member_faults(suite: SuiteSection, base: Mapping[str, object], members: Sequence[Member]) -> Iterator[Fault]:
    """Every entry of an axis meets another, sweeps have names of their own, and references can be timed."""
    datasets, pairs = axes(suite, base)
    alone = [item for item in datasets if all(member.dataset.label != item.label for member in members)]
    for dataset in alone:
        yield _alone(dataset, pairs, f"suite/datasets/{datasets.index(dataset)}" if suite.datasets else "dataset")
    if alone:
        return
    for number, pair in enumerate(pairs):
        if not any(member.pair.label == pair.label for member in members):
            where = f"suite/pairs/{number}" if suite.pairs else "student"
            yield Fault(where, f"Every pair is run on some data set, but '{pair.label}' on none. Leave it out.")
        elif pair.sweep is not None and len({m.dataset.label for m in members if m.pair.label == pair.label}) > 1:
            yield Fault(
                f"suite/pairs/{number}/sweep",
                f"`sweep` names one sweep, but '{pair.label}' is run on several data sets. Leave it out, or give each "
                "of them a pair of its own.",
            )
    run = {row.entry.label for member in members for row in member.rows}
    for number, method in enumerate(suite.methods):
        if method.label not in run:
            yield Fault(
                f"suite/methods/{number}",
                f"Every row is run on some data set, but '{method.label}' on none: none is of its kind, or all are "
                "left out. Leave it out.",
            )
    for member in members:
        yield from _member_faults(member, [other.name for other in members])


def _alone(dataset: SuiteDataset, pairs: Sequence[SuitePair], path: str) -> Fault:
    there = kind_of_data(dataset)
    if not any(kind_of_pair(pair) in (None, there) for pair in pairs):
        return Fault(path, f"'{dataset.label}' needs a pair of {there}, but there is none. Add one to `suite/pairs`.")
    return Fault(
        path, f"'{dataset.label}' needs a method of {there} beside controls, but none is run on it. Add one to "
        "`suite/methods`, or leave the data set out."
    )  # fmt: skip


def _member_faults(member: Member, names: Sequence[str]) -> Iterator[Fault]:
    reference = member.reference
    if names.count(member.name) > 1:
        yield Fault(
            member.places.get("dataset", "dataset"),
            f"Two sweeps would be called '{member.name}'. Give data sets and pairs labels that differ in letters.",
        )
    if len(member.name) > LONGEST_NAME:
        yield Fault(
            member.places.get("dataset", "dataset"),
            f"A sweep's name has at most {LONGEST_NAME} letters, but '{member.name}' has {len(member.name)}. Give the "
            "suite, its data sets or its pairs shorter names.",
        )
    if member.searches and not member.trials:
        yield Fault("budget/trials", "A search in a suite ends after a number of trials, but none is said. Say it.")
    if reference.entry.label != reference.entry.name and not member.searches:
        yield Fault(
            reference.place,
            f"'{reference.entry.label}' would be the reference on '{member.dataset.label}', which goes by its method's "
            f"name, `{reference.entry.name}`. Leave its `label` out, or name another row under `suite/reference`.",
        )
    for row in (row for row in member.rows if row.teachings > 1):
        yield from _teaching_faults(row, row.seen_from(reference.choice))
    timed = [row for row in member.rows[1:] if row.budget == "equal_seconds"]
    if timed and is_joint(reference.choice):
        yield Fault(
            reference.place,
            f"Seconds of making samples are made equal, but the reference `{reference.entry.name}` teaches its student "
            "in the same stage. Name another row under `suite/reference`, or use `budgets: own`.",
        )
    for row in timed:
        if lacks_steps(row.seen_from(reference.choice)):
            yield Fault(row.place, without_steps(row))


def _teaching_faults(row: Row, choice: MethodChoice) -> Iterator[Fault]:
    """What is taught several times has draws of its own, and nobody else says which."""
    if not knows_draws(row.entry.name):
        lacking = f"Students are taught again by `transfer/draw`, which `{row.entry.name}` has not."
        yield Fault(row.place, f"{lacking} Give the row `teachings: 1`.")
    elif choice.transfer.get("draw"):
        yield Fault(
            row.place,
            f"`teachings: {row.teachings}` counts draws from 0 on, but '{row.label}' has `transfer/draw: "
            f"{choice.transfer['draw']}`. Leave one of them out.",
        )
