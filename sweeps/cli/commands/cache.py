"""`acgkd cache`: what runs have kept for each other, and how to make room."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypedDict

import typer

from sweeps.cli.commands._options import Json, examples
from sweeps.cli.console import bytes_in_words, out, plural, print_line, print_text

if TYPE_CHECKING:
    from sweeps.store.cache_size import Removed

EPILOG = examples("acgkd cache", "acgkd cache --clear synthesis pools", "acgkd cache --limit 5GB", "acgkd cache --json")


def cache(
    kinds: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[KIND]...",
            help="Some of teachers, pools, synthesis, verdicts, datasets; all of them if left out.",
            show_default=False,
        ),
    ] = None,
    clear: Annotated[
        bool, typer.Option("--clear", help="Remove all entries of these kinds; `datasets` only if named.")
    ] = False,
    limit: Annotated[
        str | None,
        typer.Option(
            metavar="SIZE",
            help="Remove what was not used for longest, until at most this is left: `5GB`, `500MB`.",
            show_default=False,
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Show what is in the cache that all sweeps share, or make room in it.

    Teachers, reference pools, pseudo-samples and what is known of teachers are kept there under names that say what
    made them, so that no sweep makes again what another one has made. What is removed is made again when it is needed;
    what running sweeps use is never removed. ACGKD_CACHE names the folder, ACGKD_CACHE_LIMIT a size that it is kept
    within (20GB; data sets do not count).
    """
    from acgkd.cache import KINDS, folder
    from acgkd.errors import ConfigError, nearest
    from sweeps.store import cache_size, shared_cache

    known = (*KINDS, cache_size.DATA)
    for kind in kinds or ():
        if kind not in known:
            raise ConfigError(f"No kind of entry is called '{kind}'. {nearest(kind, known)}Known: {', '.join(known)}.")
    if clear and limit is not None:
        raise typer.BadParameter("--clear removes all and --limit some; take one of them.")
    root, removed = folder().absolute(), None
    most = None if limit is None else cache_size.parse(limit, "--limit")
    since = shared_cache.used_since(root)
    if clear:
        removed = cache_size.clear(root, kinds or KINDS, since=since)
    elif most is not None:
        removed = cache_size.trim(root, most, since=since, kinds=kinds or KINDS, grace_s=0.0)
    found = _facts(root, kinds or known)
    if json:
        from json import dumps

        sizes = {"limit_bytes": cache_size.limit(), "sweeps_at_work": shared_cache.sweeps_at_work(root)}
        done = None if removed is None else {"entries": removed.entries, "bytes": removed.size, "kept": removed.in_use}
        print_text(dumps({"folder": str(root), **sizes, "kinds": found, "removed": done}, indent=2))
        return
    if removed is not None:
        _print_removed(removed)
    _print(root, found)


class _Kind(TypedDict):
    kind: str
    entries: int
    bytes: int
    last_used: str | None


def _facts(root: Path, kinds: list[str] | tuple[str, ...]) -> list[_Kind]:
    from sweeps.store.cache_size import entries

    facts: list[_Kind] = []
    for kind in kinds:
        found = entries(root, (kind,))
        used = max((entry.used for entry in found), default=None)
        last = None if used is None else time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(used))
        size = sum(entry.size for entry in found)
        facts.append({"kind": kind, "entries": len(found), "bytes": size, "last_used": last})
    return facts


def _print_removed(removed: "Removed") -> None:
    kept = f"; {_entries(removed.in_use)} in use by running sweeps stay" if removed.in_use else ""
    print_line(f"Removed {_entries(removed.entries)}, {bytes_in_words(removed.size)}{kept}.")


def _entries(count: int) -> str:
    return "1 entry" if count == 1 else f"{count:,} entries"


def _print(root: Path, found: list[_Kind]) -> None:
    from rich.table import Table

    from sweeps.store.cache_size import limit
    from sweeps.store.shared_cache import sweeps_at_work

    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    table.add_column("kind", style="bold")
    for name in ("entries", "size"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("last use (UTC)", no_wrap=True)
    for row in found:
        last = (row["last_used"] or "–").replace("T", " ").removesuffix("Z")[:16]
        table.add_row(row["kind"], f"{row['entries']:,}", bytes_in_words(row["bytes"]), last)
    out.print(table)
    at_work = sweeps_at_work(root)
    users = f"; in use by {plural(at_work, 'running sweep')}" if at_work else ""
    most = limit()
    print_line(f"Limit: {'none' if most is None else bytes_in_words(most)}, data sets left out{users}.")
    print_line(f"Folder: {root}")
