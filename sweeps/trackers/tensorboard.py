"""TensorBoard: a folder of event files for each run, with its curves, measures and hyper-parameters."""

import hashlib
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from sweeps.trackers._interface import Option, TrackedRun, TrackedSweep, TrackerEntry

if TYPE_CHECKING:
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.summary.writer.event_file_writer import EventFileWriter


class TensorBoard:
    """Writes ``<folder>/trial-0003/seed 101/events.out.tfevents...``; `tensorboard --logdir` shows the folder.

    Args:
        folder: of all runs.
    """

    def __init__(self, folder: Path) -> None:
        from tensorboard.summary.writer.event_file_writer import EventFileWriter

        self._folder, self._writer = folder, EventFileWriter

    def log(self, run: TrackedRun) -> None:
        """Writes a run in place of what there is of it."""
        place = self._folder / run.name
        if place.exists():
            shutil.rmtree(place)
        writer = self._writer(str(place))
        try:
            for value in _session(run):
                _add(writer, run.began, 0, value)
            for name, points in run.curves.items():
                for step, number in points:
                    _add(writer, run.ended, step, _scalar(name, number))
            for name, number in run.measures.items():
                _add(writer, run.ended, 0, _scalar(name, number))
            for name, text in run.labels.items():
                _add(writer, run.ended, 0, _text(f"run/{name}", text))
        finally:
            writer.close()

    def close(self) -> None:
        """Nothing is left: every run is closed when it is logged."""


def _add(writer: "EventFileWriter", when: float, step: int, value: "Summary.Value") -> None:
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary

    writer.add_event(Event(wall_time=when, step=step, summary=Summary(value=[value])))


def _scalar(name: str, number: float) -> "Summary.Value":
    from tensorboard.compat.proto.summary_pb2 import Summary

    return Summary.Value(tag=name, simple_value=number)


def _text(name: str, text: str) -> "Summary.Value":
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.compat.proto.tensor_pb2 import TensorProto
    from tensorboard.compat.proto.tensor_shape_pb2 import TensorShapeProto
    from tensorboard.compat.proto.types_pb2 import DT_STRING
    from tensorboard.plugins.text import metadata

    shape = TensorShapeProto(dim=[TensorShapeProto.Dim(size=1)])
    tensor = TensorProto(dtype=DT_STRING, string_val=[text.encode()], tensor_shape=shape)
    return Summary.Value(tag=name, metadata=metadata.create_summary_metadata(name, ""), tensor=tensor)


def _session(run: TrackedRun) -> "list[Summary.Value]":
    """What the page of hyper-parameters reads: their values, and how the run ended."""
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.plugins.hparams import api_pb2, metadata, plugin_data_pb2, summary_v2

    settings = {
        name: value if isinstance(value, bool | int | float) else str(value) for name, value in run.parameters.items()
    }
    begin = summary_v2.hparams_pb(settings, trial_id=run.key, start_time_secs=run.began)
    status = api_pb2.STATUS_SUCCESS if run.record.outcome in ("completed", "pruned") else api_pb2.STATUS_FAILURE
    over = plugin_data_pb2.HParamsPluginData(
        version=metadata.PLUGIN_DATA_VERSION,
        session_end_info=plugin_data_pb2.SessionEndInfo(status=status, end_time_secs=run.ended),
    )
    end = Summary.Value(
        tag=metadata.SESSION_END_INFO_TAG,
        metadata=metadata.create_summary_metadata(over),
        tensor=metadata.NULL_TENSOR,
    )
    return [*begin.value, end]


def _open(sweep: TrackedSweep, options: Mapping[str, Option]) -> TensorBoard:
    if "folder" not in options:
        return TensorBoard(sweep.home)
    named = str(options["folder"])
    if "://" in named:
        raise ValueError(f"`folder` must be on a filesystem, but got {named}")
    # Other sweeps may log there too, and have a trial of the same number.
    known_by = hashlib.sha256(sweep.identity.encode()).hexdigest()[:8]
    return TensorBoard(Path(named).expanduser() / f"{sweep.name}-{known_by}")


TRACKER = TrackerEntry(
    open=_open,
    package="tensorboard",
    options={
        "folder": "of any number of sweeps, with a folder NAME-... for each; DIR/trackers/tensorboard if left out"
    },
)
