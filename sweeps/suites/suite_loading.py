"""The front door of suites: a file or a mapping is read, expanded, and every sweep of it checked before any starts."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from acgkd.config import fingerprint
from acgkd.errors import AcgkdError, Fault, SpecError
from sweeps.shipped import locate
from sweeps.spec.fault_messages import translate
from sweeps.spec.loading import use_plugins_of
from sweeps.spec.raw import Overrides, SpecTree, read_tree, tree_of, tuples
from sweeps.suites.members import Member, expanded
from sweeps.suites.perturbed_settings import with_studies
from sweeps.suites.spec.section import SuiteHead, SuiteSection
from sweeps.suites.suite_laws import member_faults, name_faults, own_faults, reference_faults, section_faults

KEY = "suite"


@dataclass(frozen=True)
class SuiteSpec:
    """A suite, checked whole: its sweeps are valid specs.

    Args:
        name: of the suite.
        section: what it says under `suite`.
        members: its sweeps, data set by data set; steps that are to be measured are still each row's own.
        value: the spec as plain values, overrides included.
        text: the spec as the user wrote it.
        source: the file, as the user named it.
    """

    name: str
    section: SuiteSection = field(repr=False)
    members: tuple[Member, ...] = field(repr=False)
    value: Mapping[str, object] = field(repr=False)
    text: str = field(repr=False)
    source: str = field(repr=False)

    @property
    def digest(self) -> str:
        """Sixteen hex digits over all that it says."""
        return fingerprint(self.value)

    @property
    def runs(self) -> int:
        """How many distillations it has: rows by seeds, over all sweeps."""
        return sum(member.entry().runs for member in self.members)

    def __repr__(self) -> str:
        return f"<Suite {self.name!r}: {len(self.members)} sweeps, {self.runs} runs>"


def load_suite(
    source: Path | str | Mapping[str, object], overrides: Overrides = (), trust_code: bool = False
) -> SuiteSpec:
    """Reads and checks a suite; starts nothing, writes nothing.

    Args:
        source: a YAML file, the name of a shipped suite, or what a file would say as a mapping of plain values.
        overrides: laid over it: values by slash path, or texts ``path=value``.
        trust_code: let specs name Python functions, as ``module:function``, and `on_end` a command.

    Raises:
        SpecError: something is wrong; it holds all faults, in the order of the file.
        UnknownNameError: there is no file and no shipped spec of that name.

    Example:
        >>> suite = sweeps.load_suite("suite-small")
        >>> [member.name for member in suite.members]
    """
    if isinstance(source, Mapping):
        return check_suite(tree_of(source, overrides), trust_code)
    return check_suite(read_tree(locate(Path(source)), overrides), trust_code)


def check_suite(tree: SpecTree, trust_code: bool = False) -> SuiteSpec:
    """The suite that a tree says.

    Raises:
        SpecError: something is wrong; it holds all faults, in the order of the file.
    """
    value = {**({} if tree.stem is None else {"name": tree.stem}), **tree.value}
    if KEY not in value:
        message = "A suite has a section `suite`, but here is none. `acgkd init suite-small` writes one to edit."
        raise SpecError(tree.source, [Fault("", message)])
    use_plugins_of(tree, trust_code)
    head, faults = _head(value)
    own = list(own_faults(value))
    faults = [*tree.faults, *faults, *section_faults(value), *own]
    members: tuple[Member, ...] = ()
    if head is not None and not own:
        wrong = [*name_faults(head.suite, value), *reference_faults(head.suite)]
        faults += wrong
        if not wrong:
            members = tuple(with_studies(expanded(head.name, head.suite, value, tree.folder)))
            found = list(member_faults(head.suite, value, members))
            faults += found or _faults_of(members, trust_code)
    if faults or head is None:
        raise SpecError(tree.source, _ordered(tree, faults))
    return SuiteSpec(head.name, head.suite, members, value, tree.text, tree.source)


def _head(value: Mapping[str, object]) -> tuple[SuiteHead | None, list[Fault]]:
    said = {key: value[key] for key in ("name", KEY) if key in value}
    try:
        return TypeAdapter(SuiteHead).validate_python(tuples(said), strict=True), []
    except ValidationError as error:
        return None, translate(error, SuiteHead, said)


def _faults_of(members: tuple[Member, ...], trust_code: bool) -> list[Fault]:
    """What is wrong with the sweeps: once where it is the same in all that have the part, else with those that do."""
    found: dict[tuple[str, str], list[str]] = {}
    for member in members:
        try:
            member.spec(trust_code)
        except SpecError as error:
            for fault in error.faults:
                found.setdefault((fault.path, fault.message), []).append(member.name)
        except AcgkdError as error:  # of a name that no check looks at
            found.setdefault(("", str(error)), []).append(member.name)
    return [Fault(path, _where(path, message, names, members)) for (path, message), names in found.items()]


def _where(path: str, message: str, names: list[str], members: tuple[Member, ...]) -> str:
    concerned = [member.name for member in members if _concerns(path, member)]
    if len(names) >= len(concerned):
        return message
    listed = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
    return f"{message} (In {listed}.)"


def _concerns(path: str, member: Member) -> bool:
    """Whether a sweep has what the suite says at a path."""
    if path.startswith("suite/methods/"):
        return any(f"{path}/".startswith(f"{row.place}/") for row in member.rows)
    if path.startswith(("suite/datasets/", "suite/pairs/")):
        return any(f"{path}/".startswith(f"{place}/") for place in member.places.values())
    return True


def _ordered(tree: SpecTree, faults: list[Fault]) -> list[Fault]:
    places = {name: place for place, name in enumerate(tree.value)}
    located = [tree.locate(fault) for fault in dict.fromkeys(faults)]
    return sorted(located, key=lambda item: (item.line or 0, places.get(item.path.split("/")[0], -1)))
