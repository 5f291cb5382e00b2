"""MLflow: an experiment for the sweep, a run for each replicate; a SQLite file in the sweep folder, or a server."""

import logging
import os
import warnings
from collections.abc import Iterator, Mapping, Sequence

from sweeps.trackers._interface import Option, TrackedRun, TrackedSweep, TrackerEntry

STATUS = {"completed": "FINISHED", "pruned": "KILLED"}  # all other outcomes: FAILED
LONGEST = 500  # characters of a parameter that every store takes
METRICS_AT_ONCE, PARAMETERS_AT_ONCE = 1000, 100
KEY, SWEEP = "acgkd.key", "acgkd.sweep_id"


class MLflow:
    """Logs to one experiment.

    Args:
        uri: of the tracking store or server.
        experiment: its name; made if need be.
        sweep: the sweep.
    """

    def __init__(self, uri: str, experiment: str, sweep: TrackedSweep) -> None:
        if uri.startswith("file:"):
            os.environ.setdefault("MLFLOW_ALLOW_FILE_STORE", "true")  # named by the user; MLflow 3 asks for a yes
        os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")  # who logs here has not asked for it
        from mlflow.tracking import MlflowClient

        warnings.filterwarnings("ignore", category=DeprecationWarning, module=r"(mlflow|sqlalchemy|alembic)(\.|$)")
        for name in ("mlflow", "alembic"):
            logging.getLogger(name).setLevel(logging.WARNING)  # it says how it makes its tables
        self._client = MlflowClient(tracking_uri=uri)
        self._sweep = sweep
        known = self._client.get_experiment_by_name(experiment)
        self._experiment = known.experiment_id if known else self._client.create_experiment(experiment)

    def log(self, run: TrackedRun) -> None:
        """Logs a run; one of the same key is removed before."""
        from mlflow.entities import Metric, Param, RunTag

        if run.again:
            self._remove(run.key)
        labels = {f"acgkd.{name}": text[:LONGEST] for name, text in run.labels.items()}
        tags = {**labels, KEY: run.key, SWEEP: self._sweep.identity}
        began, ended = round(1000 * run.began), round(1000 * run.ended)
        made = self._client.create_run(self._experiment, start_time=began, tags=tags, run_name=run.name)
        name = made.info.run_id
        settings = [Param(key, str(value)[:LONGEST]) for key, value in run.parameters.items()]
        for part in _parts(settings, PARAMETERS_AT_ONCE):
            self._client.log_batch(name, params=part)
        numbers = [Metric(key, value, ended, 0) for key, value in run.measures.items()]
        numbers += [Metric(key, value, ended, step) for key, points in run.curves.items() for step, value in points]
        for part in _parts(numbers, METRICS_AT_ONCE):
            self._client.log_batch(name, metrics=part)
        if run.record.message:
            self._client.log_batch(name, tags=[RunTag("mlflow.note.content", run.record.message)])
        self._client.set_terminated(name, STATUS.get(run.record.outcome, "FAILED"), end_time=ended)

    def _remove(self, key: str) -> None:
        query = f"tags.`{KEY}` = '{key}' and tags.`{SWEEP}` = '{self._sweep.identity}'"
        for found in self._client.search_runs([self._experiment], query):
            self._client.delete_run(found.info.run_id)

    def close(self) -> None:
        """Nothing is left: every run is terminated when it is logged."""


def _parts(items: Sequence[object], size: int) -> Iterator[Sequence[object]]:
    return (items[start : start + size] for start in range(0, len(items), size))


def _open(sweep: TrackedSweep, options: Mapping[str, Option]) -> MLflow:
    own = sweep.home / "mlflow.db"
    if "uri" not in options and not own.exists():
        sweep.fetch(own)
    uri = options.get("uri", f"sqlite:///{own.absolute()}")
    return MLflow(str(uri), str(options.get("experiment", sweep.name)), sweep)


TRACKER = TrackerEntry(
    open=_open,
    package="mlflow",
    options={
        "uri": "of the tracking server or store; a SQLite file in DIR/trackers/mlflow if left out",
        "experiment": "its name; the sweep's if left out",
    },
)
