"""`acgkd status`: how far a sweep is, read from its folder."""

from sweeps.cli.commands._options import Json, SweepFolderPath, examples, require_sweep
from sweeps.cli.console import print_facts, print_text

EPILOG = examples(
    "acgkd status runs/quickstart", "watch -n 10 acgkd status runs/mutag", "acgkd status runs/mutag --json"
)


def status(folder: SweepFolderPath, json: Json = False) -> None:
    """Show how far a sweep is: trials by state, records by outcome, what failed and why.

    Reads files only: it needs no running driver and disturbs none, and works on a copy of the folder.
    """
    from sweeps.store.folder import SweepFolder

    require_sweep(folder)
    found = SweepFolder(folder).status().to_json()
    if json:
        from json import dumps

        print_text(dumps(found, indent=2))
        return
    print_facts((key.replace("_", " "), _text(value)) for key, value in found.items())


def _text(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{count} {name}" for name, count in value.items()) or "none"
    if isinstance(value, list):
        return "\n".join(map(str, value)) or "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "–" if value is None else str(value)
