"""The front door of specs: a file or a mapping is read, filled in, and checked whole before anything starts."""

from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, Any

from pydantic import TypeAdapter, ValidationError

from acgkd import plugins
from acgkd.errors import ConfigError, Fault, SpecError, SweepError
from sweeps.shipped import locate
from sweeps.spec.checks.chosen_settings import write_out
from sweeps.spec.checks.cross_checks import cross_check
from sweeps.spec.fault_messages import missing_key, translate, unknown_key
from sweeps.spec.inspection import Inspection
from sweeps.spec.raw import PLUGINS, UNTRUSTED_PLUGINS, Overrides, SpecTree, is_suite_tree, read_tree, tree_of, tuples
from sweeps.spec.sweep_spec import SweepSpec, defaults

A_SUITE = (
    "This needs one sweep, but here is a suite of several. `acgkd run`, `check`, `slurm`, `status`, `report`, "
    "`compare` and `stop` take suites; so does `sweeps.run_suite`. On a cluster of Ray's, start it on one of its "
    "machines: `acgkd run SUITE --address auto`."
)


def load(source: Path | str | Mapping[str, object], overrides: Overrides = (), trust_code: bool = False) -> SweepSpec:
    """Reads and checks a spec; starts nothing, writes nothing.

    Args:
        source: a YAML file, the name of a shipped spec, or what a file would say as a mapping of plain values. Files
            that a spec names are looked for beside its file; those that a mapping or an override names, in the current
            folder.
        overrides: laid over it: values by slash path, ``{"budget/trials": 10}``; or texts ``path=value``, the value as
            it would stand in a file.
        trust_code: let `teacher/module` and `student/module` name Python functions, as ``module:function``, and
            `on_end` a command.

    Raises:
        SpecError: something is wrong; it holds all faults, in the order of the file.
        UnknownNameError: there is no file and no shipped spec of that name.
    """
    if isinstance(source, Mapping):
        return check_tree(tree_of(source, overrides), trust_code)
    return check_tree(read_tree(locate(Path(source)), overrides), trust_code)


def spec_of(
    source: SweepSpec | Path | str | Mapping[str, object], overrides: Overrides = (), trust_code: bool = False
) -> SweepSpec:
    """A spec however it is given: finished, or as `load` takes it.

    Args:
        source: the spec.
        overrides: as with `load`; not together with a finished spec.
        trust_code: as with `load`.

    Raises:
        SpecError: something is wrong; it holds all faults, in the order of the file.
        SweepError: overrides come with a finished spec.
    """
    if not isinstance(source, SweepSpec):
        return load(source, overrides, trust_code)
    if overrides:
        raise SweepError("`overrides` are laid over a file or a mapping, but got a finished spec. Pass them to `load`.")
    return source


def check_tree(tree: SpecTree, trust_code: bool = False) -> SweepSpec:
    """The spec that a tree says.

    Raises:
        SpecError: something is wrong; it holds all faults, in the order of the file.
    """
    if is_suite_tree(tree):
        raise SpecError(tree.source, [tree.locate(Fault("suite", A_SUITE))])
    use_plugins_of(tree, trust_code)
    data = defaults({**({} if tree.stem is None else {"name": tree.stem}), **tree.value})
    sound, found = _sections(data)
    unread = {fault.path for fault in tree.faults}  # what could not be read is reported once
    faults = [*tree.faults, *(fault for fault in found if fault.path not in unread)]
    broken = {fault.path.split("/")[0] for fault in faults}
    if "controls" not in broken:
        faults += write_out(sound, tree.folder)
    inspection = Inspection()
    faults += cross_check({name: value for name, value in sound.items() if name not in broken}, inspection, trust_code)
    faults = [_as_written(fault, data) for fault in faults]
    if faults:
        raise SpecError(tree.source, sorted(map(tree.locate, faults), key=_order(tree)))
    spec = SweepSpec.model_construct(**sound)
    vars(spec)["inspection"] = inspection  # what was found out once is known from here on
    vars(spec)["folder"] = tree.folder
    return spec


def use_plugins_of(tree: SpecTree, trust_code: bool) -> None:
    """Adds what the spec names to the catalogues, before anything is looked up in them.

    Raises:
        SpecError: it may not run code, or what it names cannot be used.
    """
    said = tree.value.get(PLUGINS)
    named = said if isinstance(said, list) else []
    paths = [path for path in named if isinstance(path, str)]
    if len(paths) < len(named):
        paths = []  # reported when it is read
    if paths and not trust_code:
        raise SpecError(tree.source, [tree.locate(Fault(PLUGINS, UNTRUSTED_PLUGINS))])
    try:
        plugins.activate(paths)
    except ConfigError as error:
        raise SpecError(tree.source, [tree.locate(Fault(PLUGINS, str(error)))]) from None


def _as_written(fault: Fault, data: Mapping[str, object]) -> Fault:
    """The fault at the key that the spec has, where a model is named by `module`."""
    section, _, key = fault.path.partition("/")
    written = data.get(section)
    by_module = section in ("teacher", "student") and isinstance(written, Mapping) and "module" in written
    return Fault(f"{section}/module", fault.message, fault.line) if by_module and key == "preset" else fault


def _order(tree: SpecTree) -> Callable[[Fault], tuple[int, int]]:
    """By line, where there are lines; else as the mapping has its keys."""
    places = {name: place for place, name in enumerate(tree.value)}
    return lambda fault: (fault.line or 0, 0 if tree.lines else places.get(fault.path.split("/")[0], -1))


def _sections(data: Mapping[str, object]) -> tuple[dict[str, Any], list[Fault]]:
    """Every section that is valid on its own, read once; and the faults of the others."""
    sound: dict[str, Any] = {}
    sections = SweepSpec.model_fields
    faults = [Fault(key, unknown_key(key, list(sections))) for key in data if key not in sections]
    for name, section in sections.items():
        if name in data:
            try:
                # Strictly: the text '12' is no number.
                sound[name] = _reader(name).validate_python(tuples(data[name]), strict=True)
            except ValidationError as error:
                faults += translate(error, section.annotation, data[name], name)
        elif section.is_required():
            faults.append(Fault(name, missing_key(SweepSpec, name)))
        else:
            sound[name] = section.get_default(call_default_factory=True)
    return sound, faults


@cache
def _reader(name: str) -> TypeAdapter[object]:
    section = SweepSpec.model_fields[name]
    annotation: Any = section.annotation
    return TypeAdapter(Annotated[(annotation, *section.metadata)] if section.metadata else annotation)
