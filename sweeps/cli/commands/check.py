"""`acgkd check`: tells everything that is wrong with a spec, or what it would run."""

from typing import Annotated, Any

import typer

from sweeps.cli.commands._options import Overrides, SpecFile, TrustCode, examples
from sweeps.cli.console import out

EPILOG = examples(
    "acgkd check specs/quickstart.yaml",
    "acgkd check specs/mutag.yaml --set replicates/seeds=[0,1,2] --set budget.trials=48",
    "acgkd check --schema > spec.schema.json",
)


def _print_schema(value: bool) -> None:
    if value:
        from sweeps.spec.schema import text

        typer.echo(text(), nl=False)
        raise typer.Exit


def check(
    spec: SpecFile,
    overrides: Overrides = None,
    trust_code: TrustCode = False,
    schema: Annotated[
        bool,
        typer.Option(
            "--schema", is_eager=True, callback=_print_schema, help="Print the JSON Schema of specs, and stop."
        ),
    ] = False,
) -> None:
    """Check a spec: all faults at once, or what it would run.

    Each fault comes with its line and path in the file, the law it breaks and the nearest known name. Data sets and
    checkpoints that the spec names are looked for; both ends of every searched range are tried on the method.
    Nothing is started and nothing is written. A faulty spec gives exit code 2.
    """
    from sweeps.spec.advisories import notes
    from sweeps.spec.loading import load

    read = load(spec, overrides or (), trust_code)
    print_summary(read)
    for note in notes(read):
        out.print(f"Note: {note}", style="yellow", markup=False, highlight=False)
    out.print(f"{spec} is right.", style="green", markup=False, highlight=False)


def print_summary(spec: Any) -> None:
    """What a spec would run, in a few lines."""
    from rich.table import Table

    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for name, text in _lines(spec, spec.inspection.survey(spec.space)):
        table.add_row(name, text)
    out.print(table)


def _lines(spec: Any, found: Any) -> list[tuple[str, str]]:
    from sweeps.spec.controls import METHOD_NAME
    from sweeps.spec.values import number

    data = "no data set" if spec.dataset is None else spec.dataset.name
    teacher = spec.teacher.preset + (" from a checkpoint" if spec.teacher.checkpoint else "")
    seeds = len(spec.replicates.seeds)
    budget = [f"{spec.trials} trial{'s' if spec.trials > 1 else ''}"] if spec.trials else []
    hours = spec.budget.hours
    budget += [f"{number(hours)} hour{'' if hours == 1 else 's'}"] if hours else []
    scheduler = "" if spec.scheduler.name == "none" else f", {spec.scheduler.name}"
    search = "nothing is searched" if spec.space is None else f"{spec.sampler.name}{scheduler}"
    lines = [
        (spec.name, f"{data}: {teacher} → {spec.student.preset} by {' or '.join(_methods(spec, found))}"),
        (
            "budget",
            f"{' or '.join(budget)} of {seeds} replicate{'s' if seeds > 1 else ''}; {search}",
        ),
        ("objectives", ", ".join(f"{objective.name} ({objective.direction})" for objective in spec.objectives)),
        ("controls", "\n".join(map(_control, spec.controls)) or "none"),
    ]
    if found is None:
        return lines
    title = f"space {spec.space}" if isinstance(spec.space, str) else "space"
    # What belongs together stands together, though a space asks for modes first.
    groups = list(dict.fromkeys(name.rpartition("/")[0] for name in found.parameters))
    ordered = sorted(found.parameters.items(), key=lambda item: groups.index(item[0].rpartition("/")[0]))
    for place, (name, asked) in enumerate(ordered):
        sometimes = " (sometimes)" if name in found.conditional else ""
        shown = name if name == METHOD_NAME else name.removeprefix("method/")
        lines.append((title if place == 0 else "", f"{shown}: {asked.text}{sometimes}"))
    return lines


def _methods(spec: Any, found: Any) -> tuple[str, ...]:
    """The sweep's method, or all among which is searched."""
    from sweeps.spec.controls import METHOD_NAME

    searched = {} if found is None else found.parameters
    return searched[METHOD_NAME].ends if METHOD_NAME in searched else (spec.method.name,)


def _control(control: Any) -> str:
    """`gfkd as released: gfkd (synthesis/steps=1500)`; a plain name where it says no more."""
    from rich.markup import escape

    from acgkd.config import flatten
    from sweeps.spec.values import plain_word

    name = control.name if control.label == control.name else f"{control.label}: {control.name}"
    said = flatten(control.model_dump(exclude={"name", "label", "prior"}))
    if control.prior is not None:
        said |= flatten(control.prior.model_dump(exclude_none=True), "prior")
    settings = ", ".join(f"{path}={plain_word(value)}" for path, value in said.items())
    return escape(f"{name} ({settings})" if settings else name)
