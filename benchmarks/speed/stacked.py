"""Replicates taught one by one and together: seconds of a teaching step of one replicate, and how many times less.

python -m benchmarks.speed.stacked --out stacked.md  # graphs as large as MUTAG's, random teachers, one thread
"""

from functools import partial

import torch

from acgkd.methods import METHODS
from acgkd.run.distillation import Distillation
from acgkd.run.together import Together
from acgkd.runtime import keep_freed_memory
from benchmarks._lib.pages import arguments, ratios, spread
from benchmarks._lib.timing import in_turn
from benchmarks.speed._bare import bare_setting

CPU, STEPS, AT_ONCE, ROUNDS, REPLICATES = torch.device("cpu"), 100_000, 50, 7, (3, 8)
STUDENTS = {"gin-5-64 → gin-3-32": "none", "gin-5-64 → gin-3-32, lifted": "gat", "gcn-5-64 → gcn-3-32": "none"}
HEAD = "| students | replicates | alone, CPU ms | together, CPU ms | times, CPU | times, wall |"


def begun(label: str, seed: int) -> Distillation:
    """A run at its first step of teaching."""
    transfer = {"steps": STEPS, "projection": STUDENTS[label], "curriculum": {"pacing": "none"}}
    config = METHODS["acgkd"].config.model_validate({"synthesis": {"graphs": 131, "steps": 1}, "transfer": transfer})
    setting = bare_setting((10, 28), *label.partition(",")[0].split(" → "), device=CPU, seed=seed)
    run = Distillation(METHODS["acgkd"], config, setting)
    run.advance(until=0.5)
    return run


def steps(teams: list[Together]) -> int:
    """Some steps of each run, team after team; how many are done."""
    for team in teams:
        team.advance(until=team.runs[0].progress + AT_ONCE / STEPS / 2)
    return teams[0].runs[0].steps_done


def main() -> None:
    """Measures, and writes a table."""
    out, lines = arguments(__doc__).parse_args().out, [HEAD, "|---" + 5 * "|--:" + "|"]
    torch.set_num_threads(1)
    keep_freed_memory()
    for label, count in ((label, count) for label in STUDENTS for count in REPLICATES):
        alone, team = ([begun(label, seed) for seed in range(count)] for _ in range(2))
        ways = {"one by one": [Together([run]) for run in alone], "together": [Together(team)]}
        rows = list(in_turn({name: partial(steps, way) for name, way in ways.items()}, 1, ROUNDS, CPU).values())
        cells = [spread(row.seconds, ".2f", 1000 / AT_ONCE / count) for row in rows]
        cells += [spread(ratios(*each), ".2f") for each in zip(*((r.seconds, r.wall) for r in rows), strict=True)]
        lines.append(f"| {label} | {count} | {' | '.join(cells)} |")
    table = "\n".join(lines) + "\n"
    print(table) if out is None else out.write_text(table, encoding="utf-8")


if __name__ == "__main__":
    main()
