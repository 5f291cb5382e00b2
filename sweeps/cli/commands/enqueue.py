"""`acgkd enqueue`: a point of the user's becomes the next trial."""

from typing import Annotated

import typer

from acgkd.errors import Fault, SpecError
from sweeps.cli.commands._options import Plugin, SweepFolderPath, TrustCode, examples, require_sweep
from sweeps.cli.console import out, print_line, print_note

EPILOG = examples(
    "acgkd enqueue runs/mutag method/transfer/rate=0.003",
    "acgkd enqueue runs/mutag transfer/rate=1e-3 synthesis/graphs=64",
)


def enqueue(
    folder: SweepFolderPath,
    values: Annotated[
        list[str],
        typer.Argument(
            metavar="PATH=VALUE...",
            help="Parameters of the search space, values as in a spec. The sampler suggests those that are left out.",
            show_default=False,
        ),
    ],
    plugin: Plugin = None,
    trust_code: TrustCode = False,
) -> None:
    """Try a point of your own next, also while the sweep runs.

    The point waits in the folder's `queue/` and becomes the next new trial: of the driver that works on the folder, or
    of the next `acgkd run`. It counts as a trial of the budget; where the budget of trials, hours or patience is met,
    it is run all the same, and the sweep has one trial more. Every parameter must be one of the search space and every
    value one that the sampler could suggest. A sweep with plug-ins needs `--trust-code`: its space and its method are
    read from the copies in its folder, or from those that `--plugin` names.
    """
    from sweeps.engine.user_requests import enqueue
    from sweeps.spec.values import plain_word
    from sweeps.store.folder import SweepFolder

    require_sweep(folder)
    files = SweepFolder(folder)
    found = enqueue(files, _read(values), trust_code, plugin or ())
    shown = ", ".join(f"{name}={plain_word(value)}" for name, value in found.parameters.items())
    print_line(f"Enqueued: {shown}.")
    if found.like:
        listed = ", ".join(map(str, found.like[:10])) + (", ..." if len(found.like) > 10 else "")
        print_note(f"Note: there is such a trial already ({listed}); this one is run all the same.")
    alive = files.lock().held()
    out.print("It is the next new trial." if alive else "No driver runs now: the next `acgkd run` runs it first.")


def _read(values: list[str]) -> dict[str, object]:
    """The point in arguments ``path=value``.

    Raises:
        SpecError: one is none; the error holds all faults.
    """
    from sweeps.spec.strict_yaml import parse_value

    read: dict[str, object] = {}
    faults = []
    for text in values:
        path, sign, value = text.partition("=")
        if not sign or not path.strip():
            faults.append(Fault("", f"A point is given as `path=value`, but got '{text}'."))
        elif path.strip() in read:
            faults.append(Fault(path.strip(), "This parameter is given more than once."))
        else:
            try:
                read[path.strip()] = parse_value(value, text)
            except SpecError as error:
                faults += [Fault(path.strip(), fault.message) for fault in error.faults]
    if faults:
        raise SpecError("the point", faults)
    return read
