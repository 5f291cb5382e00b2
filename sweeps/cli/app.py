"""The command `acgkd`: parses, calls, and turns errors into exit codes. Imports neither torch nor Ray by itself."""

import os
import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from acgkd.errors import (
    AcgkdError,
    AnalysisError,
    CheckpointError,
    ConfigError,
    DataError,
    FolderError,
    MissingFolderError,
    SpecError,
    TeacherError,
    UnknownNameError,
    UnknownReportError,
)
from acgkd.guard import require_own_packages
from sweeps.cli.commands import check, distill, doctor, export_study, init, listing, report, run, status
from sweeps.cli.commands._options import paragraphs
from sweeps.cli.console import print_error, print_faults

OK, FAILURE, BAD_INPUT, INTERRUPTED = 0, 1, 2, 130

_BAD_INPUT = (
    ConfigError,
    UnknownNameError,
    DataError,
    CheckpointError,
    TeacherError,
    FolderError,
    MissingFolderError,
    UnknownReportError,
)

app = typer.Typer(
    name="acgkd",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes:\n"
    "  0    all is well\n"
    "  1    something failed\n"
    "  2    the input is bad; nothing was started\n"
    "  130  interrupted; the same command goes on from there",
)

for _name, _function, _epilog in (
    ("init", init.init, init.EPILOG),
    ("run", run.run, run.EPILOG),
    ("check", check.check, check.EPILOG),
    ("status", status.status, status.EPILOG),
    ("distill", distill.distill, distill.EPILOG),
    ("report", report.report, report.EPILOG),
    ("list", listing.list_, listing.EPILOG),
    ("doctor", doctor.doctor, doctor.EPILOG),
    ("export-study", export_study.export_study, export_study.EPILOG),
):
    app.command(_name, help=paragraphs(_function), epilog=_epilog)(_function)


def _version(value: bool) -> None:
    if value:
        from acgkd import __version__

        typer.echo(f"acgkd {__version__}")
        raise typer.Exit


@app.callback(
    help="Turn a trained model, without its data, into a small one, and find the settings that make it work.\n\n"
    "A sweep is a YAML file. `acgkd check` tells what is wrong with it; `acgkd run` runs it, goes on with it after any "
    "interruption and extends it; everything about it lies in one folder. Start with `acgkd run quickstart`; "
    "`acgkd init` writes a spec to edit."
)
def acgkd(
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_version, help="Print the version, and stop.")
    ] = False,
) -> None:
    """What every command shares: nothing but `--version`."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command.

    Args:
        arguments: without the program's name; those of this process if left out.

    Returns:
        The exit code: 0 well, 1 failed, 2 bad input, 130 interrupted.
    """
    try:
        require_own_packages()
        app(args=list(sys.argv[1:] if arguments is None else arguments), prog_name="acgkd")
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else OK if stop.code is None else FAILURE
    except SpecError as error:
        print_faults(error)
        return BAD_INPUT
    except _BAD_INPUT as error:
        print_error(str(error))
        return BAD_INPUT
    except (AcgkdError, AnalysisError) as error:
        print_error(str(error))
        return FAILURE
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:  # the reader of a pipe, `head` perhaps, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILURE
    return OK
