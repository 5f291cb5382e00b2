"""The command `acgkd`: parses, calls, and turns errors into exit codes. Imports neither torch nor Ray by itself."""

import sys
from collections.abc import Sequence
from typing import Annotated

import typer
from rich.markup import escape

from acgkd.errors import (
    AcgkdError,
    AnalysisError,
    CheckpointError,
    ConfigError,
    DataError,
    FolderError,
    FolderInUseError,
    MissingFolderError,
    RayLostError,
    SpecError,
    TeacherError,
    UnknownNameError,
    UnknownReportError,
)
from acgkd.exit_codes import ExitCode, table
from acgkd.guard import require_own_packages
from sweeps.cli.commands import (
    cache,
    check,
    compare,
    confirm,
    dashboard,
    distill,
    doctor,
    enqueue,
    export,
    export_study,
    fork,
    init,
    listing,
    logs,
    merge,
    pack,
    predict,
    report,
    reproduce,
    retry,
    run,
    serve,
    slurm,
    status,
    stop,
    submit,
    unpack,
    why,
)
from sweeps.cli.commands._options import paragraphs
from sweeps.cli.console import print_error, print_faults, print_text
from sweeps.cli.streams import safe_streams

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
    epilog=f"Exit codes:\n{table()}",
)

for _name, _function, _epilog in (
    ("init", init.init, init.EPILOG),
    ("run", run.run, run.EPILOG),
    ("check", check.check, check.EPILOG),
    ("submit", submit.submit, submit.EPILOG),
    ("logs", logs.logs, logs.EPILOG),
    ("slurm", slurm.slurm, slurm.EPILOG),
    ("status", status.status, status.EPILOG),
    ("why", why.why, why.EPILOG),
    ("retry", retry.retry, retry.EPILOG),
    ("confirm", confirm.confirm, confirm.EPILOG),
    ("reproduce", reproduce.reproduce, reproduce.EPILOG),
    ("fork", fork.fork, fork.EPILOG),
    ("enqueue", enqueue.enqueue, enqueue.EPILOG),
    ("stop", stop.stop, stop.EPILOG),
    ("distill", distill.distill, distill.EPILOG),
    ("report", report.report, report.EPILOG),
    ("serve", serve.serve, serve.EPILOG),
    ("compare", compare.compare, compare.EPILOG),
    ("export", export.export, export.EPILOG),
    ("predict", predict.predict, predict.EPILOG),
    ("list", listing.list_, listing.EPILOG),
    ("doctor", doctor.doctor, doctor.EPILOG),
    ("pack", pack.pack, pack.EPILOG),
    ("unpack", unpack.unpack, unpack.EPILOG),
    ("merge", merge.merge, merge.EPILOG),
    ("cache", cache.cache, cache.EPILOG),
    ("dashboard", dashboard.dashboard, dashboard.EPILOG),
    ("export-study", export_study.export_study, export_study.EPILOG),
):
    app.command(_name, help=escape(paragraphs(_function)), epilog=_epilog)(_function)


def _version(value: bool) -> None:
    if value:
        from acgkd import __version__

        print_text(f"acgkd {__version__}")
        raise typer.Exit


@app.callback(
    help="Turn a trained model, without its data, into a small one, and find the settings that make it work.\n\n"
    "A sweep is a YAML file. `acgkd check` validates it; `acgkd run` runs it, resumes it after any interruption and "
    "extends it; everything about it lies in one folder. Start with `acgkd run quickstart`; `acgkd init` writes a spec "
    "to edit."
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
        The exit code, see `acgkd.exit_codes`.
    """
    with safe_streams() as streams:
        code = _main(list(sys.argv[1:] if arguments is None else arguments))
        lost = streams.lost()
        if lost is not None:
            print_error(
                f"Standard output must be writable, but: {lost.strerror}. Part of what was printed is lost; what the "
                "command did is kept."
            )
        return ExitCode.LOOK if code == ExitCode.OK and lost is not None else code


def _main(arguments: Sequence[str]) -> int:
    try:
        require_own_packages()
        app(args=list(arguments), prog_name="acgkd")
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else ExitCode.OK if stop.code is None else ExitCode.LOOK
    except SpecError as error:
        print_faults(error)
        return ExitCode.BAD_INPUT
    except FolderInUseError as error:
        print_error(str(error))
        return ExitCode.IN_USE
    except _BAD_INPUT as error:
        print_error(str(error))
        return ExitCode.BAD_INPUT
    except RayLostError as error:
        print_error(str(error))
        return ExitCode.START_AGAIN
    except (AcgkdError, AnalysisError) as error:
        print_error(str(error))
        return ExitCode.LOOK
    except KeyboardInterrupt:
        return ExitCode.INTERRUPTED
    except OSError as error:  # a folder that vanished or was locked under way: nobody is helped by a traceback
        print_error(_sentence(error))
        return ExitCode.LOOK
    return ExitCode.OK


def _sentence(error: OSError) -> str:
    """What the system refused, and where."""
    place = "" if error.filename is None else f"{error.filename} must be usable, but: "
    return f"{place}{error.strerror or error or type(error).__name__}. What was finished is kept."
