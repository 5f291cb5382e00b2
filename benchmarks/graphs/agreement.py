"""Which reference pool ranks the students of one teacher as real graphs do: candidates against that of version 3.

    python -m benchmarks.graphs.agreement --hours 2          run what is missing, then write docs/results/agreement.md
    python -m benchmarks.graphs.agreement --only mutag       one data set
    python -m benchmarks.graphs.agreement --page             the page alone, of the records that there are

Students of differing quality are taught by several methods; each is compared with its teacher on every candidate part
of a pool, and on the training and validation graphs, which say what is true. No test part is looked at. Runs resume:
one row for each teacher, student, method and part is kept in docs/results/records/agreement.parquet.
"""

import os
import time
from collections.abc import Iterator
from dataclasses import replace
from functools import reduce
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

os.environ.setdefault("OMP_NUM_THREADS", "1")

import pandas as pd
import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from acgkd.config import MethodChoice, RunConfig, fingerprint
from acgkd.errors import DivergedError
from acgkd.graphs import GRAPHS
from acgkd.graphs.batch import joined
from acgkd.method import MethodContext
from acgkd.methods import parse_method
from acgkd.run import metrics
from acgkd.run.distillation import Distillation
from acgkd.run.preparation import Preparation
from acgkd.run.run_data import RunData
from acgkd.runtime import Streams, derive_seed, keep_freed_memory
from analysis.statistics.trust.agreement_prediction import (
    GROUP,
    PAIR,
    REAL,
    STUDENT,
    Pool,
    by_pair,
    correlations,
    elsewhere,
    flagged,
    judged,
    scored,
    truth,
)
from analysis.statistics.trust.failed_by_overlap import failed_by_overlap
from benchmarks._lib.pages import Page, arguments
from benchmarks.graphs._pool_parts import LED_BY_CLASSES, Verdicts, parts

FIRST_SEED = 100
# Seeds of each data set.
SETS = {"mutag": 3, "ptc_mr": 3, "motifs": 2, "imdb_binary": 1, "proteins": 1}
# A teacher's kind, and that of the student which is of another.
TEACHERS = {"gin": "gcn", "gcn": "gin", "sage": "gin", "gat": "gcn"}
TEACHER_SIZE, STUDENT_SIZE = "5-64", "3-32"
# Of large sets fewer passes, which are as many steps, and fewer pseudo-graphs, which cost as much.
LARGE, EPOCHS = ("imdb_binary", "proteins"), 30
GRAPHS_EACH, FEWER_EACH = 64, 32
SMALL_BEFORE_LARGE = 6
STRONG: dict[str, Any] = {"statistics_weight": 1000.0, "degree_weight": 0.0, "steps": 400, "rate": 0.2}
BY_PSEUDO = {"curriculum": {"labels": "pseudo"}}
BY_TEACHER = {"curriculum": {"labels": "teacher"}}
TAUGHT: dict[str, Any] = {"steps": 150, "batch_size": 32}
# Each a method with its synthesis and transfer, over so many graphs and `TAUGHT`.
METHODS: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "acgkd": ("acgkd", LED_BY_CLASSES, BY_PSEUDO),
    "acgkd, plain student": ("acgkd", LED_BY_CLASSES, {**BY_PSEUDO, "projection": "none"}),
    "acgkd, 30 steps": ("acgkd", {**LED_BY_CLASSES, "steps": 30}, BY_PSEUDO),
    "statistics alone": ("acgkd", {**STRONG, "class_weight": 0.0}, BY_TEACHER),
    "statistics and classes": ("acgkd", STRONG, BY_PSEUDO),
    "gfkd": ("gfkd", {"density": "prior", "steps": 100}, {}),
    "deepinv_graphs": ("deepinv_graphs", {"steps": 100}, {}),
    "dfad_gnn": ("dfad_gnn", {"graphs": None}, {"steps": 60}),
    "random_graphs": ("random_graphs", {}, BY_PSEUDO),
    "real_data": ("real_data", {"graphs": None}, {}),
}
MORE: dict[str, Any] = {}  # laid over every run
# Candidates that the page shows: what was today's pool when the study began, what is now, and others.
VERSION_3, VERSION_4 = ("pool 1", "pool 2", "pool 3"), ("statistics", "spread confidence")
MIXTURE = ("statistics", "deepinv_graphs")
POOLS = {
    "version 3": Pool(VERSION_3, together=True),
    "version 4": Pool(VERSION_4),
    "version 4, overlap": Pool(VERSION_4, measure="overlap"),
    "version 4, worst class": Pool(VERSION_4, measure="worst"),
    "version 4, ranking": Pool(VERSION_4, measure="ranking"),
    "version 4, by distance": Pool(VERSION_4, known=True),
    "statistics": Pool(("statistics",)),
    "spread confidence": Pool(("spread confidence",)),
    "statistics and boundary": Pool(("statistics", "boundary")),
    "boundary, overlap": Pool(("boundary",), measure="overlap"),
    "features": Pool(("deepinv_graphs",)),
    "random": Pool(("random",)),
    "mixture": Pool(MIXTURE),
    "mixture and inversion": Pool((*MIXTURE, "pool 1")),
    "mixture and near ties": Pool((*MIXTURE, "near ties")),
    "mixture and boundary": Pool((*MIXTURE, "boundary")),
}
SHOWN = ("version 3", "version 4", "version 4, overlap")
# Version 4 was chosen when so many teachers were known; those that came later show whether it holds.
CHOSEN_AFTER = 24
# Students that were taught with graphs like those of version 4, of other draws.
ALIKE = ("statistics alone", "statistics and classes")


class Unit(NamedTuple):
    """One teacher, whose students of two kinds share what is made for them."""

    dataset: str
    seed: int
    teacher: str
    norm: bool

    @property
    def students(self) -> tuple[str, str]:
        """Of the kind of the teacher, and of another."""
        return self.teacher, TEACHERS[self.teacher]


class WithoutNorm(Preparation):
    """The same teacher without a BatchNorm layer, so that it remembers nothing of its data but in its weights."""

    def blank_teacher(self, streams: Streams) -> nn.Module:
        """The preset with nothing in their place."""
        model = super().blank_teacher(streams)
        for parent in list(model.modules()):
            for name, child in list(parent.named_children()):
                if isinstance(child, _BatchNorm):
                    setattr(parent, name, nn.Identity())
        return model


def units(only: str) -> Iterator[Unit]:
    """All, in an order of which every beginning has about as many of each kind of teacher, and a few of large sets."""
    kinds = [(teacher, norm) for norm in (True, False) for teacher in TEACHERS]
    turns = [
        Unit(data, FIRST_SEED + seed, *kinds[(turn + place * 3) % len(kinds)])
        for seed in range(max(SETS.values()))
        for turn in range(len(kinds))
        for place, (data, seeds) in enumerate(SETS.items())
        if seed < seeds and only in ("", data)
    ]
    large = [unit for unit in turns if unit.dataset in LARGE]
    for number, unit in enumerate((unit for unit in turns if unit.dataset not in LARGE), 1):
        yield unit
        if number % SMALL_BEFORE_LARGE == 0 and large:
            yield large.pop(0)
    yield from large


class Study:
    """One unit at work: a teacher, its candidate parts, and what is asked of its students.

    Args:
        unit: which.
        home: folder of teachers and syntheses.
    """

    def __init__(self, unit: Unit, home: Path) -> None:
        self.unit, self.home = unit, home / ("norm" if unit.norm else "without")
        teacher: dict[str, Any] = {"preset": f"{unit.teacher}-{TEACHER_SIZE}"}
        teacher |= {"epochs": EPOCHS} if unit.dataset in LARGE else {}
        student = f"{unit.teacher}-{STUDENT_SIZE}"
        run = {
            "dataset": unit.dataset,
            "teacher": teacher,
            "student": student,
            "method": "acgkd",
            "device": "cpu",
            **MORE,
        }
        self.data = RunData(RunConfig.model_validate(run), unit.seed, GRAPHS)
        kind = Preparation if unit.norm else WithoutNorm
        self.prepared = kind(self.data, teacher_seed=unit.seed, pool_seed=unit.seed, home=self.home, agreement=False)

    def rows(self) -> Iterator[dict[str, Any]]:
        """A row for each student, method and part."""
        context = self._context()
        verdicts = {name: Verdicts(context.teacher, batch) for name, batch in parts(context, self.unit.seed)}
        seen: list[Any] = [*self.data.batches("train"), *self.data.batches("validation")]
        verdicts[REAL] = Verdicts(context.teacher, reduce(joined, seen))
        quality = {f"teacher_{name}": value for name, value in self._accuracies(context.teacher).items()}
        for kind in self.unit.students:
            for method in METHODS:
                try:
                    student = self._taught(kind, method)
                except DivergedError as error:
                    print(f"{self.unit}, {kind}, {method}: {error}", flush=True)
                    continue
                known = {**self.unit._asdict(), "student": kind, "method": method, **quality}
                known |= self._accuracies(student)
                yield from ({**known, "part": part, **said.row(student)} for part, said in verdicts.items())

    def _accuracies(self, model: nn.Module) -> dict[str, float]:
        found = {}
        for name, chosen in (("validation_accuracy", ("validation",)), ("accuracy", ("train", "validation"))):
            scores = metrics.logits(model, GRAPHS, chain.from_iterable(map(self.data.batches, chosen)))
            found[name] = metrics.accuracy(scores, torch.cat([self.data.labels(part) for part in chosen]))
        return found

    def _context(self) -> MethodContext[Any]:
        streams, device = Streams(derive_seed("draws", self.unit.seed), self.data.device), self.data.device
        return MethodContext(self.prepared.teacher, nn.Identity(), self.data.prior, streams, device)

    def _taught(self, kind: str, method: str) -> nn.Module:
        """A student, with pseudo-samples that another one's run has made, where it has."""
        name, synthesis, transfer = METHODS[method]
        graphs = {"graphs": FEWER_EACH if self.unit.dataset in LARGE else GRAPHS_EACH}
        synthesis = {key: value for key, value in {**graphs, **synthesis}.items() if value is not None}
        entry, settings = parse_method(MethodChoice(name=name, synthesis=synthesis, transfer={**TAUGHT, **transfer}))
        context = self._context()
        with context.streams.fork("student"):
            student = self.prepared.blank(f"{kind}-{STUDENT_SIZE}", self.data.pooling)
        assert self.data.data is not None, "every set has its data"
        real = self.data.data.take(self.data.split.train) if entry.needs_data else ()
        context = replace(context, student=student, real=real)
        alone = entry.needs_student(settings) or entry.needs_data or entry.lower_control
        kept = None if alone else self.home / "synthesis" / f"{fingerprint([*self.unit, name, synthesis])}.pt"
        run = Distillation(entry, settings, context, keep_synthesis=kept)
        if kept is not None and kept.exists():
            run.load_synthesis(kept)
        run.advance()
        return run.student.eval()


def write(rows: pd.DataFrame, records: Path) -> None:
    """The rows as a file, whole or not at all."""
    records.parent.mkdir(parents=True, exist_ok=True)
    fresh = records.with_suffix(".new")
    rows.astype(dict.fromkeys(rows.select_dtypes("float64"), "float32")).to_parquet(fresh, compression="zstd")
    fresh.replace(records)


def judged_pools(rows: pd.DataFrame) -> dict[str, Any]:
    """What the page says: of each pool over pairs, of each pair, of sets left out, and of agreement's worth."""
    rows = scored(rows)
    accuracy, agreement = truth(rows, "accuracy"), truth(rows, "agreement")
    found = {name: judged(rows, pool) for name, pool in POOLS.items()}
    pairs = {name: by_pair(each, accuracy) for name, each in found.items()}
    others = accuracy[~accuracy.index.get_level_values("method").isin(ALIKE)]
    number = rows.groupby(list(Unit._fields), sort=False).ngroup()
    known = set(rows.loc[number < CHOSEN_AFTER, GROUP].itertuples(index=False, name=None))
    later = accuracy[[key[:-1] not in known for key in accuracy.index]]
    remembers = accuracy.index.get_level_values("norm").astype(bool)
    truths = [accuracy, accuracy[remembers], accuracy[~remembers], later, agreement, others]
    figures = {name: [_over_pairs(each, true) for true in truths] for name, each in found.items()}
    return {
        "figures": figures,
        "ceiling": _over_pairs(agreement, accuracy),
        "lines": [[*_words(pair), *(_interval(pairs[name][pair]) for name in SHOWN)] for pair in pairs[SHOWN[0]]],
        "left_out": elsewhere(rows, POOLS, accuracy, SHOWN[0]).values.tolist(),
        "risks": {norm: failed_by_overlap(rows, VERSION_4, norm) for norm in (True, False)},
        "flags": flagged(rows, POOLS[SHOWN[1]], accuracy),
        "teachers": int(number.max()) + 1,
        "planned": len(list(units(""))),
        "students": len(rows[STUDENT].drop_duplicates()),
        "per_seed": len(METHODS) - 1,
    }


def _over_pairs(found: "pd.Series[float]", true: "pd.Series[float]") -> dict[str, float]:
    """Rank correlations of pairs: their median, the least, how many are positive, and how many there are."""
    if true.empty:
        return {"pairs": 0.0}
    each = correlations(found, true).groupby(PAIR).mean()
    figures = {"median": each.median(), "least": each.min(), "positive": (each > 0).sum(), "pairs": len(each)}
    return {name: float(value) for name, value in figures.items()}


def _words(pair: Any) -> tuple[str, str]:
    data, teacher, norm, student = pair
    return data, f"{teacher}{'' if norm else ' without BatchNorm'} → {student}"


def _interval(found: Any) -> str:
    return f"{found.value:.2f} ({found.low:.2f} to {found.high:.2f})"


def main() -> None:
    """Runs what is missing, unit after unit, and writes the page."""
    parser = arguments(__doc__, records="agreement.parquet")
    parser.add_argument("--only", default="", help="one data set")
    parser.add_argument("--hours", type=float, default=float("inf"), help="begin no unit after so long")
    parser.add_argument("--page", action="store_true", help="run nothing")
    parser.add_argument(
        "--home", type=Path, default=Path("runs") / "agreement", help="folder of teachers and syntheses"
    )
    given = parser.parse_args()
    keep_freed_memory()
    began = time.monotonic()
    rows = pd.read_parquet(given.records) if given.records.exists() else pd.DataFrame()
    for unit in () if given.page else units(given.only):
        if time.monotonic() - began > given.hours * 3600:
            break
        if len(rows) and (rows[list(Unit._fields)] == list(unit)).all(axis=1).any():
            continue
        cpu = time.process_time()
        rows = pd.concat([rows, pd.DataFrame(Study(unit, given.home).rows())], ignore_index=True)
        write(rows, given.records)
        print(f"{unit}: {time.process_time() - cpu:.0f} s", flush=True)
    Page("agreement", "benchmarks.graphs.agreement", ()).write(given.out, **judged_pools(rows))


if __name__ == "__main__":
    main()
