"""What an ask costs, and whether a bounded history finds as good points: `python -m benchmarks.speed.asking`.

Each measurement is one line of `docs/results/records/asking.jsonl`; the same command resumes an interrupted run.
"""

import statistics
import time
from collections.abc import Sequence
from functools import partial
from typing import Any

import optuna

from analysis.statistics.intervals import t_interval
from benchmarks._lib.pages import Page, arguments
from benchmarks._lib.timing import Kept
from benchmarks.speed._overhead_cases import tpe
from sweeps.engine.trials import sampling
from sweeps.engine.trials.sampling import Study
from sweeps.executors.ray.tune.search import PLACES_PER_JOB_AHEAD
from sweeps.spec.sections import SamplerConfig
from sweeps.store.trial import Trial
from tests.known_functions import SPACES, dominated, ended, spec, values
from tests.simulated_workers import busy_share

CHOSEN_ON = 20  # seeds below it, by which was chosen what of a long study a history keeps
HISTORY = SamplerConfig().history
TARGETS = {"ms": 30.0, "growth": 1.2, "share": 0.95}


def optunas_own(known: object, good: int, seed: int, startup_trials: int) -> optuna.samplers.BaseSampler:
    """TPE as Optuna has it, in the place of ours."""
    return tpe(seed, startup_trials)


def filled(space: str, count: int, history: int | None) -> Study:
    """A study of so many random trials."""
    own = spec(space, 0, history)
    random = own.model_copy(update={"sampler": own.sampler.model_copy(update={"name": "random"})})
    study, trials = Study(random), list[Trial]()
    for _ in range(count):
        asked = study.ask()
        assert asked is not None
        trials.append(asked.model_copy(update={"state": "completed", "values": values(asked)}))
        study.ended(trials[-1])
    return Study(own, trials)


def ask_ms(study: Study, asks: int) -> tuple[float, float]:
    """Milliseconds of an ask and its answer: of the CPU, and of the wall."""
    cpu, wall = time.process_time(), time.perf_counter()
    for _ in range(asks):
        ended(study)
    return 1000 * (time.process_time() - cpu) / asks, 1000 * (time.perf_counter() - wall) / asks


def cost(space: str, trials: int, asks: int) -> dict[str, list[tuple[float, float]]]:
    """Milliseconds of ours and of Optuna's own sampler over all trials, by turns."""
    ours, theirs = filled(space, trials, HISTORY), filled(space, trials, None)
    measured: dict[str, list[tuple[float, float]]] = {"ours": [], "optuna": []}
    lean = sampling.LeanTPE
    for _ in range(3):
        measured["ours"].append(ask_ms(ours, asks))
        sampling.LeanTPE = optunas_own  # type: ignore[assignment, misc]
        measured["optuna"].append(ask_ms(theirs, asks))
        sampling.LeanTPE = lean  # type: ignore[misc]
    return measured


def quality(space: str, seed: int, trials: int) -> dict[str, float]:
    """Hypervolume after some trials, with a bounded history and with all trials."""
    found = {}
    for name, history in (("bounded", HISTORY), ("all", None)):
        study = Study(spec(space, seed, history))
        found[name] = dominated([ended(study) for _ in range(trials)])
    return found


def compared(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """What the seeds of one space say: both means, and the difference with its interval."""
    bounded, whole = ([row[name] for row in rows] for name in ("bounded", "all"))
    gap = t_interval([one - other for one, other in zip(bounded, whole, strict=True)])
    return {**rows[0], "seeds": len(rows), "means": (statistics.mean(bounded), statistics.mean(whole)), "gap": gap}


def main() -> None:
    """Measures what the file of records does not hold yet, and writes the page."""
    parser = arguments(__doc__, records="asking.jsonl")
    parser.add_argument("--counts", type=int, nargs="+", default=[100, 1000, 3000, 10000])
    parser.add_argument("--asks", type=int, default=5)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--trials", type=int, default=600)
    parser.add_argument("--spaces", nargs="+", default=SPACES)
    parser.add_argument("--workers", type=int, default=64)
    chosen = parser.parse_args()
    page, kept = Page("asking", "benchmarks.speed.asking", ()), Kept(chosen.records)
    costs, busy, good = [], [], []
    for space in chosen.spaces:
        for count in chosen.counts:
            costs.append(kept.once(partial(cost, space, count, chosen.asks), what="cost", space=space, trials=count))
        for ahead in dict.fromkeys((1, max(1, chosen.workers // PLACES_PER_JOB_AHEAD))):
            key = {"what": "busy", "space": space, "workers": chosen.workers, "seconds": 1.0, "ahead": ahead}
            busy.append(kept.once(partial(busy_share, space, chosen.workers, 1.0, chosen.workers * 10, ahead), **key))
        rows = []
        for seed in range(CHOSEN_ON, CHOSEN_ON + chosen.seeds):
            key = {"what": "quality", "space": space, "seed": seed, "trials": chosen.trials}
            rows.append(kept.once(partial(quality, space, seed, chosen.trials), **key))
        good.append(compared(rows))
    page.write(chosen.out, cost=costs, busy=busy, quality=good, history=HISTORY, targets=TARGETS)


if __name__ == "__main__":
    main()
