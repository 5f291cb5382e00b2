"""Refuses to mix rows of different settings or different code of the user's in one sweep, unless that is accepted."""

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from acgkd import __version__
from acgkd.code_digest import package_digest, plugin_digests
from acgkd.errors import FolderError
from sweeps.code.settings_check import SettingsCheck
from sweeps.spec.sweep_spec import SweepSpec
from sweeps.store.folder import SweepFolder
from sweeps.worker.experiments import Experiments

LINES = 12
Say = Callable[[str], None]


@dataclass(frozen=True)
class _Row:
    """What is looked at of a record: read as plain JSON, since a thousand of them are read at every start."""

    kind: str
    label: str
    trial: int | None
    parameters: Mapping[str, object]
    settings: Mapping[str, object]
    code: Mapping[str, Any] | None

    @property
    def files(self) -> Mapping[str, str]:
        return {} if self.code is None else self.code.get("files", {})


def require_same_code(
    folder: SweepFolder,
    spec: SweepSpec,
    experiments: Experiments,
    accepted: Sequence[str] = (),
    *,
    accept: bool = False,
    say: Say,
) -> tuple[str, ...]:
    """Compares a folder's records with what the sweep would make today: resolved settings, and the user's files.

    That the package itself has changed while all settings are equal is said, and no more.

    Args:
        folder: of the sweep; its records may be of any version, those that cannot be read are passed over.
        spec: the sweep, equal to the folder's.
        experiments: knows the settings of a run and the user's files.
        accepted: changes that earlier starts have accepted.
        accept: whether to accept those that there are now.
        say: called with what the user should know.

    Returns:
        All changes that are accepted from now on.

    Raises:
        FolderError: something has changed and is not accepted; every change is listed with its rows.
        ConfigError: the code that the spec names cannot be imported.
    """
    rows = list(_rows(folder))
    recorded = {name for row in rows for name in row.files}
    files = experiments.user_files(spec, also=sorted(recorded), fresh=True)
    changes = {**_changed_settings(rows, spec, experiments), **_changed_files(rows, files, recorded)}
    new = {line: concerned for line, concerned in changes.items() if line not in accepted}
    if new and not accept:
        raise FolderError(_refusal(folder, new))
    if new:
        folder.forget_checkpoints()  # a replicate must not be half of one code and half of another
        say("Accepted, and kept with the sweep; the report says which rows are of which code:\n" + _listed(new))
    elif not changes:
        _say_other_package(rows, say)
    return (*accepted, *new)


def _rows(folder: SweepFolder) -> Iterator[_Row]:
    for path in sorted(folder.records.glob("[!.]*.json")):
        try:
            tree = json.loads(path.read_bytes())
            who = tree["identity"]
            yield _Row(
                who.get("kind", "trial"),
                who["label"],
                who.get("trial"),
                tree.get("parameters") or {},
                tree.get("settings") or {},
                tree.get("code"),
            )
        except (OSError, ValueError, RecursionError, KeyError, TypeError, AttributeError):
            continue  # whoever needs that record says what is wrong with it


def _changed_settings(rows: Iterable[_Row], spec: SweepSpec, experiments: Experiments) -> dict[str, list[_Row]]:
    check, found = SettingsCheck(spec, experiments), defaultdict(list)
    labels = {control.label for control in spec.controls}
    for row in rows:
        if row.settings and (row.kind != "control" or row.label in labels):
            for line in check.differences(row.kind, row.label, row.parameters, row.settings):
                found[line].append(row)
    return found


def _changed_files(rows: Sequence[_Row], now: Mapping[str, str], recorded: set[str]) -> dict[str, list[_Row]]:
    """Files that are not any more what they were, that are gone, and that are loaded for the first time."""
    found = defaultdict(list)
    for row in rows:
        for name, then in row.files.items():
            if name not in now:
                found[f"{name}: {then} is no longer there"].append(row)
            elif now[name] != then:
                found[f"{name}: {then} is now {now[name]}"].append(row)
    known = [row for row in rows if row.files]
    if known:
        found.update({f"{name}: (not loaded) is now {now[name]}": known for name in now if name not in recorded})
    return found


def _refusal(folder: SweepFolder, changes: Mapping[str, Sequence[_Row]]) -> str:
    return (
        f"The rows of a sweep must come from one code, but since those in {folder.shown} were made this has changed:\n"
        f"{_listed(changes)}\n"
        "Put it back, or choose another folder with `--out`. To continue with both, add `--accept-code-change` (in "
        "Python `accept_code_change=True`): the report then says which rows are of which code."
    )


def _listed(changes: Mapping[str, Sequence[_Row]]) -> str:
    lines = [f"  {line} ({_named(rows)})" for line, rows in changes.items()]
    more = len(lines) - LINES
    return "\n".join([*lines[:LINES], *([f"  and {more} more"] if more > 0 else [])])


def _named(rows: Iterable[_Row]) -> str:
    """``trials 0 to 5 and 9, random_graphs, teacher``."""
    from analysis.formatting import named  # brings pandas, which a start without changes has no need of

    return named(row.trial if row.kind == "trial" and row.trial is not None else row.label for row in rows)


def _say_other_package(rows: Sequence[_Row], say: Say) -> None:
    """Settings are equal, so rows compare; who reads them should know all the same."""
    here = (__version__, package_digest(), plugin_digests())
    other = [row for row in rows if row.code is None or _package(row.code) != here]
    if other:
        versions = dict.fromkeys(_version(row.code) for row in other)
        say(
            f"{len(other)} of {len(rows)} records were made by {', '.join(versions)}, and this is acgkd {__version__} "
            f"(code {package_digest()}). Their settings are those of today, so the sweep continues; each record keeps "
            "its code, and the report says which rows are whose."
        )


def _package(code: Mapping[str, object]) -> tuple[object, ...]:
    return (code.get("version"), code.get("package"), code.get("plugins", {}))


def _version(code: Mapping[str, object] | None) -> str:
    if code is None:
        return "a version that kept no digest of its code"
    return f"acgkd {code.get('version')} (code {code.get('package')}{' and plug-ins' if code.get('plugins') else ''})"
