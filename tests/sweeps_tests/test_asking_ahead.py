"""On Ray, jobs are handed out ahead of need, so that no worker waits for a suggestion."""

from types import SimpleNamespace
from typing import Any

import pytest

from sweeps.engine.driver import NoJob
from sweeps.worker.messages import Job


class Driver(SimpleNamespace):
    """Always has another job."""

    def next(self) -> Job | NoJob:
        self.at_work += 1
        return Job("trial", f"trial-{self.at_work:04d}", "trial", (0,), {0: 0}, 1, number=self.at_work)


@pytest.mark.parametrize(("places", "ahead"), [(1, 1), (2, 1), (15, 1), (64, 8)])
def test_one_more_than_fits_for_every_eight_places(places: int, ahead: int) -> None:
    from sweeps.executors.ray.search import SweepSearcher

    driver: Any = Driver(at_work=0, slots=1)
    searcher = SweepSearcher(driver, lambda: places)
    handed_out = 0
    while searcher.suggest(str(handed_out)) is not None:
        handed_out += 1
    assert handed_out == places + ahead
