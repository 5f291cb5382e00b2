"""The page of commands: what `acgkd COMMAND --help` says, for all of them."""

import enum
import inspect
import re
from collections.abc import Iterator
from typing import Any

import typer

from acgkd.exit_codes import MEANINGS, ExitCode
from sweeps.cli.app import app

INTRO = """\
# Commands

Made by `python docs/generate.py` from the commands themselves; `acgkd COMMAND --help` says the same in the terminal.
What a spec is: [every key of a spec](spec.md).
"""
_PLAIN = {int: "N", float: "NUMBER", str: "TEXT"}


def commands_page() -> str:
    """Every command with its arguments, options and examples."""
    group: Any = typer.main.get_command(app)
    lines = [INTRO, *(f"* [`acgkd {name}`](#acgkd-{name}): {_first(command)}" for name, command in _all(group))]
    for name, command in _all(group):
        lines += ["", f"## `acgkd {name}`", "", *_command(name, command)]
    lines += ["", "## Exit codes", "", *exit_codes()]
    return "\n".join(lines) + "\n"


def exit_codes() -> Iterator[str]:
    """The table of exit codes."""
    yield from ("| code | name in `acgkd.exit_codes` | meaning |", "|--:|---|---|")
    yield from (f"| {int(code)} | `{code.name}` | {MEANINGS[code]} |" for code in ExitCode)


def _all(group: Any) -> list[tuple[str, Any]]:
    return list(group.commands.items())


def _first(command: Any) -> str:
    return _prose(command.help.split("\n\n")[0])


def _command(name: str, command: Any) -> Iterator[str]:
    shown = [parameter for parameter in command.params if not parameter.hidden]
    arguments = [one for one in shown if one.param_type_name == "argument"]
    options = [one for one in shown if one.param_type_name == "option"]
    usage = [
        *(one.metavar if one.required else f"[{one.metavar}]" for one in arguments),
        "[OPTIONS]" if options else "",
    ]
    yield from ("```text", " ".join(["acgkd", name, *usage]).rstrip(), "```", "")
    for paragraph in command.help.split("\n\n"):
        yield from (_prose(paragraph), "")
    if shown:
        yield from ("| argument, option | default | meaning |", "|---|---|---|")
        yield from (_row(parameter) for parameter in shown)
    lines = [line.strip().replace("\\[", "[") for line in (command.epilog or "").splitlines()[1:]]
    if lines:
        yield from ("", "<!-- not run: examples of a reference; a test parses them -->", "```bash")
        yield from (*lines, "```")


def _row(parameter: Any) -> str:
    names = f"`{', '.join([*parameter.opts, *parameter.secondary_opts])}`"
    if parameter.param_type_name == "argument":
        names = f"`{parameter.metavar}`"
    elif not parameter.is_flag:
        names = names[:-1] + f" {_value(parameter)}`"
    cells = (names, _default(parameter), _prose(parameter.help or ""))
    return "| " + " | ".join(cell.replace("|", "&#124;") for cell in cells) + " |"


def _value(parameter: Any) -> str:
    if parameter.metavar:
        return str(parameter.metavar)
    kind = parameter.type_descriptor.annotation
    if inspect.isclass(kind) and issubclass(kind, enum.Enum):
        return "|".join(str(member.value) for member in kind)
    return _PLAIN.get(kind, "VALUE")


def _default(parameter: Any) -> str:
    if parameter.required:
        return "required"
    if isinstance(parameter.show_default, str):
        return _prose(parameter.show_default)
    if parameter.default in (None, False) or parameter.show_default is False:
        return ""
    value = getattr(parameter.default, "value", parameter.default)
    return f"`{value}`"


def _prose(text: str) -> str:
    """Text for Markdown: what is in angle brackets is no tag; square ones are escaped for the terminal alone."""
    return re.sub(r"(?<!`)<(\w[^>]*)>", r"`<\1>`", " ".join(text.replace("\\[", "[").split()))
