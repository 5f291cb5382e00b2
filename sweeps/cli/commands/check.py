"""`acgkd check`: validates a spec, or reports all its faults."""

from typing import TYPE_CHECKING, Annotated

import typer

from sweeps.cli.commands._options import Overrides, Plugin, SpecFile, TrustCode, changes, examples
from sweeps.cli.console import err, out, plural, print_facts, print_note, print_text
from sweeps.cli.disk_space import students
from sweeps.cli.known_facts import prior_lines

if TYPE_CHECKING:
    from sweeps.spec.controls import Control
    from sweeps.spec.space_survey import Survey
    from sweeps.spec.sweep_spec import SweepSpec

EPILOG = examples(
    "acgkd check quickstart",
    "acgkd check specs/mutag.yaml --set replicates/seeds=[0,1,2] --set budget.trials=48",
    "acgkd check --schema > spec.schema.json",
)


def _print_schema(value: bool) -> None:
    if value:
        from sweeps.spec.schema import text

        print_text(text().removesuffix("\n"))
        raise typer.Exit


def _print_suite_schema(value: bool) -> None:
    if value:
        from sweeps.suites.spec.suite_schema import text

        print_text(text().removesuffix("\n"))
        raise typer.Exit


def check(
    spec: SpecFile,
    overrides: Overrides = None,
    trust_code: TrustCode = False,
    plugin: Plugin = None,
    schema: Annotated[
        bool,
        typer.Option(
            "--schema", is_eager=True, callback=_print_schema, help="Print the JSON Schema of specs, and stop."
        ),
    ] = False,
    suite_schema: Annotated[
        bool,
        typer.Option("--suite-schema", is_eager=True, callback=_print_suite_schema, help="Likewise, that of suites."),
    ] = False,
) -> None:
    """Check a spec or a suite: all faults at once, or what it would run.

    Each fault comes with its line and path in the file, the rule it breaks and the nearest known name. Data sets and
    checkpoints that the spec names are looked for; both ends of every searched range are tried on the method.
    With `--trust-code` models of yours are built, filled and tried on made-up samples, and the untrained student is
    saved and read back. Where agreement judges a sweep without data, what it is worth is looked into: what the teacher
    says on a reference pool made within some 10 seconds, and what a student reaches that noise has taught. Of a suite
    all sweeps are checked, and their rows listed. Nothing of it is kept. A faulty spec gives exit code 2.
    """
    from sweeps.cli.own_teacher import try_models
    from sweeps.cli.suite_commands import check_suite
    from sweeps.spec.advisories import notes
    from sweeps.spec.loading import check_tree
    from sweeps.spec.raw import is_suite_tree, read_tree

    tree = read_tree(spec, changes(overrides, plugin))
    if is_suite_tree(tree):
        check_suite(tree, spec, trust_code)
        return
    read = check_tree(tree, trust_code)
    print_summary(read)
    with err.status("") as shown:
        tried = try_models(read, trust_code, shown.update)
    for note in [*notes(read), *tried]:
        print_note(f"Note: {note}")
    out.print(f"{spec} is valid.", style="green", markup=False, highlight=False, soft_wrap=True)


def print_summary(spec: "SweepSpec") -> None:
    """What a spec would run, in a few lines."""
    print_facts(_lines(spec, spec.inspection.survey(spec.space)))


def _lines(spec: "SweepSpec", found: "Survey | None") -> list[tuple[str, str]]:
    data = "no data set" if spec.dataset is None else spec.dataset.title
    teacher = spec.teacher.preset + (" from a checkpoint" if spec.teacher.checkpoint else "")
    scheduler = "" if spec.scheduler.name == "none" else f", {spec.scheduler.name}"
    search = "nothing is searched" if spec.space is None else f"{spec.sampler.name}{scheduler}"
    lines = [
        ("sweep", spec.name),
        ("task", f"{data}: {teacher} → {spec.student.preset} by {' or '.join(_methods(spec, found))}"),
        ("budget", f"{_budget(spec)}; {search}"),
        ("objectives", ", ".join(f"{objective.name} ({objective.direction})" for objective in spec.objectives)),
        ("controls", "\n".join(map(_control, spec.controls)) or "none"),
    ]
    room = students(spec, found)
    lines += [("students", room)] if room else []
    lines += [("" if number else "prior", line) for number, line in enumerate(prior_lines(spec))]
    return lines if found is None else [*lines, *_space(spec, found)]


def _budget(spec: "SweepSpec") -> str:
    """`24 trials of 3 replicates, at most 1 hour, until 2026-12-01T08:00:00+00:00`."""
    limits = spec.budget
    said = [f"{plural(spec.trials, 'trial') if spec.trials else 'trials'} of "]
    said[0] += plural(len(spec.replicates.seeds), "replicate")
    said += [f"{plural(limits.replicates, 'replicate')} in all"] if limits.replicates else []
    said += [f"{limits.multiply_adds:g} multiply-adds in all"] if limits.multiply_adds else []
    said += [f"at most {plural(float(limits.hours), 'hour')}"] if limits.hours else []
    said += [f"at most {plural(limits.patience, 'trial')} without improvement"] if limits.patience else []
    said += [f"until {limits.deadline}"] if limits.deadline else []
    return ", ".join(said)


def _space(spec: "SweepSpec", found: "Survey") -> list[tuple[str, str]]:
    from sweeps.spec.controls import METHOD_NAME

    # What belongs together stands together, though a space asks for modes first.
    groups = list(dict.fromkeys(name.rpartition("/")[0] for name in found.parameters))
    ordered = sorted(found.parameters.items(), key=lambda item: groups.index(item[0].rpartition("/")[0]))
    texts = [spec.space] if isinstance(spec.space, str) else []
    for name, asked in ordered:
        conditional = " (conditional)" if name in found.conditional else ""
        shown = name if name == METHOD_NAME else name.removeprefix("method/")
        texts.append(f"{shown}: {asked.text}{conditional}")
    return [("" if number else "space", text) for number, text in enumerate(texts)]


def _methods(spec: "SweepSpec", found: "Survey | None") -> tuple[str, ...]:
    """The sweep's method, or all among which is searched."""
    from sweeps.spec.controls import METHOD_NAME

    searched = {} if found is None else found.parameters
    return searched[METHOD_NAME].ends if METHOD_NAME in searched else (spec.method.name,)


def _control(control: "Control") -> str:
    """`gfkd as released: gfkd (synthesis/steps=1500)`; a plain name where it says no more."""
    from acgkd.config import flatten
    from sweeps.spec.values import plain_word

    name = control.name if control.label == control.name else f"{control.label}: {control.name}"
    said = flatten(control.model_dump(exclude={"name", "label", "prior"}))
    if control.prior is not None:
        said |= flatten(control.prior.model_dump(exclude_none=True), "prior")
    settings = ", ".join(f"{path}={plain_word(value)}" for path, value in said.items())
    return f"{name} ({settings})" if settings else name
