"""What a run will take is known before its student learns, and how good its pseudo-samples are by then."""

from typing import Any

import pytest

from acgkd.methods import METHODS
from acgkd.testing.method_laws import MethodCase, weight_bytes

RANKED = ("acgkd", "deepinv_graphs", "gfkd")
CASES: dict[str, dict[str, Any]] = {
    "as it is": {},
    "no curriculum": {"transfer": {"curriculum": {"pacing": "none"}}},
    "gaps measured anew": {"transfer": {"steps": 40, "curriculum": {"pace": 1.0, "difficulty": "gap"}}},
    "edges as difficulty": {"transfer": {"steps": 40, "curriculum": {"pace": 0.5, "difficulty": "edges"}}},
    "recalibrated": {"transfer": {"recalibration": 10}},
    "restarts": {"synthesis": {"restarts": 1}},
}


@pytest.mark.parametrize("name", RANKED)
@pytest.mark.parametrize("changes", CASES.values(), ids=CASES)
def test_half_way_through_synthesis_a_run_knows_what_it_will_take(name: str, changes: dict[str, Any]) -> None:
    case = MethodCase(METHODS[name], "graphs")
    run = case.run(**changes)
    steps = run.stages[0].steps
    run.advance(until=0.25)
    expected, seconds = run.expected_multiply_adds, run.expected_seconds
    assert seconds > sum(run.seconds.values())
    run.advance(until=0.5)
    at_its_end = run.expected_multiply_adds
    run.advance()
    done = run.method_run.multiply_adds()
    left_out = run.method_run.left_out() / steps  # draws that nobody knew would not be needed
    assert expected == pytest.approx(done, rel=0.12 + left_out)
    assert at_its_end == pytest.approx(done, rel=0.12)
    assert run.expected_multiply_adds == done
    twin = case.run(**changes)
    twin.advance()
    assert weight_bytes(run.student) == weight_bytes(twin.student)


@pytest.mark.parametrize("name", [name for name in METHODS if not METHODS[name].needs_data])
def test_who_says_that_its_samples_compare_reports_how_far_they_are(name: str) -> None:
    method = METHODS[name]
    kind = method.modality or "graphs"
    run = MethodCase(method, kind).run(synthesis={"steps": 5})
    assert run.statistics_at(0.5) is None
    run.advance(until=0.25)
    if method.ranked_in_synthesis(run.config):
        assert name in RANKED
        known = run.statistics_at(0.5)
        assert known == run.curves["synthesis"]["statistics"][-1]
        run.advance()
        assert run.statistics_at(0.5) == known != run.statistics_at(1.0)
    else:
        assert name not in RANKED


def test_beside_the_student_and_part_by_part_nothing_compares() -> None:
    method = METHODS["acgkd"]
    for synthesis in ({"adversarial_weight": 0.5}, {"graphs_at_once": 4}):
        assert not method.ranked_in_synthesis(MethodCase(method, "graphs").config(synthesis=synthesis))
    joint = MethodCase(method, "graphs").run(synthesis={"adversarial_weight": 0.5})
    joint.advance()
    assert joint.statistics_at(0.5) is None
