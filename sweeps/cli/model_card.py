"""The card of an exported student: what it was made from, what it is worth, what it takes, how to make it again."""

import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sweeps.cli.card_snippets import snippet

if TYPE_CHECKING:
    from torch import nn

    from acgkd.agreement.worth import Worth
    from acgkd.priors import Prior

# So that a card of somebody else's is never overwritten.
_OURS = "library_name: acgkd"
_WORTH = (
    "Agreement is that with the teacher on made-up samples, classes weighing the same. It can be near 1 for a student "
    "that is worthless on real data: judge it on samples of your own before you use it."
)


@dataclass(frozen=True)
class Known:
    """What a sweep's records say of a student; all of it may be missing.

    Args:
        row: of the chosen trial: means over its replicates, intervals, costs.
        record: of the replicate whose student it is, as a row.
        command: what makes it again.
        worth: what agreement is worth.
    """

    row: Mapping[str, object] = field(default_factory=dict)
    record: Mapping[str, Any] = field(default_factory=dict)
    command: str = ""
    worth: "Worth | None" = None


def card(
    student: "nn.Module",
    prior: "Prior | None",
    file: str,
    to: str,
    known: Known,
    export: str,
    named: Sequence[str] = (),
) -> str:
    """The text of a `README.md`, with the YAML head that model hubs read.

    Args:
        student: that was exported.
        prior: what was known of the data.
        file: name of the exported file.
        to: its form.
        known: from a sweep's records.
        export: the command that exported it.
        named: what of edges it is handed by name.
    """
    from acgkd.priors import ImagePrior

    images = isinstance(prior, ImagePrior)
    parts = [
        _head(known, images),
        f"# {known.record.get('sweep') or Path(file).stem}",
        _from(student, known),
        _quality(known),
        _size(student, known),
        "## Use\n\n```python\n" + snippet(file, to, prior, named) + "\n```",
        _limits(prior, to, images, named),
        "## Make it again\n\n```bash\n" + "\n".join(filter(None, [known.command, export])) + "\n```",
    ]
    return "\n\n".join(parts) + "\n"


def place(file: Path) -> Path:
    """Where the card of a file goes: `README.md` beside it, unless that is somebody else's or another file's."""
    usual = file.parent / "README.md"
    if usual.exists():
        text = usual.read_text(encoding="utf-8", errors="replace")
        if _OURS not in text or f'"{file.name}"' not in text:
            return file.with_name(f"{file.name}.README.md")
    return usual


def _head(known: Known, images: bool) -> str:
    kind = "image-classification" if images else "graph-ml"
    lines = ["---", _OURS, f"pipeline_tag: {kind}", "tags:", "- knowledge-distillation", "- data-free"]
    accuracy, dataset = _number(known.row, "test_accuracy"), known.record.get("dataset")
    if accuracy is not None and dataset:
        name = json.dumps(str(known.record.get("sweep")))
        lines += ["model-index:", f"- name: {name}", "  results:", "  - task:", f"      type: {kind}", "    dataset:"]
        lines += [f"      type: {json.dumps(str(dataset))}", f"      name: {json.dumps(str(dataset))}"]
        lines += ["    metrics:", "    - type: accuracy", f"      value: {accuracy:.4f}"]
    return "\n".join([*lines, "---"])


def _from(student: "nn.Module", known: Known) -> str:
    record = known.record
    if not record:
        return (
            f"A {type(student).__name__}, distilled from a teacher by acgkd, without the teacher's data. No records of "
            "the sweep were at hand when this card was written, so it says nothing of accuracy."
        )
    data = f" The teacher was trained on `{record['dataset']}`." if record.get("dataset") else ""
    searched = any(name.startswith("param/") for name in record)
    settings = "Settings were found by a sweep" if searched else "Settings were given"
    return (
        f"A `{record.get('student')}`, distilled from a `{record.get('teacher')}` by `{record.get('method')}`, without "
        f"the teacher's data.{data} {settings}; this is {record.get('label')}, replicate "
        f"{record.get('replicate')} (seed {record.get('seed')})."
    )


def _quality(known: Known) -> str:
    row, lines = known.row, []
    accuracy = _number(row, "test_accuracy")
    if accuracy is not None:
        low, high = _number(row, "test_accuracy_low"), _number(row, "test_accuracy_high")
        interval = "no interval, from one replicate" if low is None else f"95 % interval {low:.3f} to {high:.3f}"
        teacher, majority = _number(row, "teacher_test_accuracy"), _number(row, "majority_accuracy")
        lines.append(
            f"* Test accuracy, mean over {int(_number(row, 'completed') or 1)} replicates: {accuracy:.3f} ({interval})."
        )
        lines += [] if teacher is None else [f"* The teachers': {teacher:.3f}."]
        lines += [] if majority is None else [f"* Always saying the largest class: {majority:.3f}."]
        one = _number(known.record, "test_accuracy")
        lines += [] if one is None else [f"* This very student: {one:.3f}."]
    agreement = _number(row, "agreement")
    if agreement is not None:
        lines.append(f"* Agreement with the teacher: {agreement:.3f}. {_WORTH}")
        lines += [f"* {known.worth.verdict}"] if known.worth is not None else []
    return "## How good it is\n\n" + (
        "\n".join(lines) or "Nothing is known of its accuracy. Judge it on samples of your own."
    )


def _size(student: "nn.Module", known: Known) -> str:
    parameters = sum(parameter.numel() for parameter in student.parameters())
    rows: list[tuple[str, float | None, float | None, str]] = [
        ("parameters", _number(known.record, "teacher_parameters"), float(parameters), "{:,.0f}")
    ]
    for words, name, form in (
        ("multiply-adds of a sample", "multiply_adds", "{:,.0f}"),
        ("ms for 1,000 samples", "ms_per_1000", "{:.1f}"),
    ):
        rows.append((words, _number(known.record, f"teacher_{name}"), _number(known.record, f"student_{name}"), form))
    table = ["| | teacher | student |", "|---|---|---|"]
    for words, teacher, own, form in rows:
        table.append(f"| {words} | " + " | ".join("–" if n is None else form.format(n) for n in (teacher, own)) + " |")
    device = known.record.get("device_name") or known.record.get("device")
    threads = known.record.get("threads")
    where = f"\n\nTimed on {device}, {threads} threads, in batches of 256." if device and threads else ""
    return "## What it takes\n\n" + "\n".join(table) + where


def _limits(prior: "Prior | None", to: str, images: bool, named: Sequence[str]) -> str:
    lines = ["* It knows the teacher's classes and mistakes, and says one of the classes of whatever it is shown."]
    if prior is not None:
        facts = ", ".join(
            f"`{name}`: {json.dumps(value)}" for name, value in prior.facts().items() if value is not None
        )
        lines.append(f"* It was taught on made-up samples of this kind alone: {facts}.")
    if to != "safetensors" and not images:
        weights = "" if "edge_weight" in named else "; edges have no weights"
        lines.append(f"* Of a batch the last graph must have a node{weights}.")
    return "## Limits\n\n" + "\n".join(lines)


def _number(row: Mapping[str, object], name: str) -> float | None:
    value = row.get(name)
    try:
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return None
    return None if number != number else number


def command(words: Sequence[object]) -> str:
    """A command as it is typed."""
    return shlex.join(map(str, words))
