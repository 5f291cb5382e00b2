"""The journal: every change of a sweep as an event, written to `events.jsonl` and handed to who follows.

Trials are compared with what was written of them: an event that a killed driver owes is written by the next start.
"""

import re
import socket
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress

from acgkd.errors import SweepError
from sweeps.faults.failure import Failure
from sweeps.journal.event_log import EventLog
from sweeps.journal.job_events import of_identity, of_job, of_record
from sweeps.journal.trial_events import TrialEvents, Written
from sweeps.spec.sweep_spec import SweepSpec
from sweeps.store.atomic import read_json
from sweeps.store.folder import SweepFolder
from sweeps.store.trial import Trial, now
from sweeps.worker.messages import Job, Report

Event = Mapping[str, object]
Place = tuple[str, int]
_STARTS = ("sweep_started", "sweep_resumed", "sweep_extended")
_RECORD = re.compile(r"(control-.+|teacher)-(\d+)\.json")


class Journal:
    """What happens, for tools; no error of it is the sweep's.

    Args:
        folder: of the sweep.
        spec: the sweep.
        generation: number of the start.
    """

    def __init__(self, folder: SweepFolder, spec: SweepSpec, generation: int = 0) -> None:
        self.generation = generation
        self.followers: list[Callable[[Event], None]] = []
        self._folder, self._seeds = folder, spec.replicates.seeds
        self._log = EventLog(folder.events)
        objectives = tuple(objective.name for objective in spec.objectives)
        self._trials = TrialEvents(objectives, self.happened, self._result)
        self._open: dict[Place, dict[str, object]] = {}  # jobs beside the trials that began
        self._recorded: set[tuple[str, int, str]] = set()
        self._last = ""  # the latest event of the sweep as a whole
        self._finished = False
        self._nodes: set[str] = set()
        self._reported: dict[Place, dict[str, object]] = {}
        self._where: dict[str, str] = {}  # the node that a job was last heard of from
        self._seen: set[tuple[str, int, int]] = set()
        self._found: dict[tuple[str, int, int], float | None] = {}  # the checkpoints that there were at the start

    def happened(self, event: str, **fields: object) -> None:
        """Writes an event and hands it on.

        Args:
            event: its name.
            fields: what is known; what is None or empty is left out. `when`, UTC and ISO 8601, is now if left out.
        """
        known = {name: value for name, value in fields.items() if value is not None and value != ""}
        if "trial" in known:
            number = int(str(known["trial"]))
            known = {"kind": "trial", "label": f"trial {number}", "name": self._folder.trial_name(number), **known}
        replicate = known.get("replicate")
        if isinstance(replicate, int) and replicate < len(self._seeds):
            known = {**known, "seed": self._seeds[replicate]}
        whole = {"when": now(), "event": event, "generation": self.generation, **known}
        with suppress(Exception):
            self._log.add(whole)
        for follower in self.followers:
            with suppress(Exception):
                follower(whole)

    # ---- what an earlier start owes

    def catch_up(self, trials: Iterable[Trial]) -> None:
        """Reads the file, and writes what is missing in it: a driver was killed, or is of a version without events.

        Args:
            trials: as their files say.
        """
        self._log.repair()
        for event in self._log:
            self._take_in(event)
        self.generation = self._folder.generation
        with suppress(OSError, SweepError):
            for trial in trials:
                self._trials.compare(trial)
            self._missing_records()
        for place, facts in list(self._open.items()):
            del self._open[place]
            ended = {"outcome": "lost", "cause": "platform", "message": "the driver ended"}
            self.happened("replicate_ended", **facts, **ended)
        if self._last in _STARTS:
            self.happened("sweep_ended", outcome="killed", message="the driver left no word")
            self._finished = False

    def _take_in(self, event: Event) -> None:
        name, number = str(event.get("event")), event.get("trial")
        if name.startswith("sweep_"):
            self._last, self._finished = name, event.get("outcome") == "completed"
        if isinstance(number, int) and not event.get("added"):
            self._trials.written.setdefault(number, Written()).take_in(event)
        elif name in ("replicate_started", "replicate_ended"):
            stem, replicate = str(event.get("name")), event.get("replicate")
            place = (stem, replicate if isinstance(replicate, int) else -1)
            keys = ("kind", "trial", "label", "name", "added", "replicate", "attempt", "generation")
            if name == "replicate_started":
                self._open[place] = {key: event[key] for key in keys if key in event}
            else:
                self._open.pop(place, None)
                self._recorded.add((*place, str(event.get("finished_at", ""))))

    def _missing_records(self) -> None:
        """Writes how jobs beside the trials ended whose records nobody has reported."""
        found = [_RECORD.fullmatch(path.name) for path in sorted(self._folder.records.glob("[ct]*.json"))]
        places = [(match[1], int(match[2])) for match in found if match is not None]
        sweep = self._folder.read_sweep()
        for extension in () if sweep is None else sweep.extensions:
            for number in extension.trials:
                places += [(self._folder.trial_name(number), index) for index in range(extension.first, extension.stop)]
        for stem, replicate in places:
            path = self._folder.record_file(stem, replicate)
            with suppress(SweepError):
                tree = read_json(path) or {}
                said = dict(tree.get("environment") or {})
                if tree and (stem, replicate, str(said.get("finished_at", ""))) not in self._recorded:
                    facts = self._open.pop((stem, replicate), None)
                    identity = dict(tree.get("identity") or {})
                    if facts is None:
                        facts = of_identity(stem, identity) | {"generation": self.generation}
                        self.happened("replicate_started", when=str(said.get("started_at", "")), **facts)
                    self._ended(facts, tree)

    # ---- the sweep as a whole

    def began(self, command: str) -> None:
        """A start of the sweep has begun."""
        kind = "sweep_started" if not self._last else "sweep_extended" if self._finished else "sweep_resumed"
        sweep = self._folder.require_sweep()
        facts = {"name": sweep.name, "command": command, "host": socket.gethostname()}
        self.happened(kind, **facts, budget=sweep.budget.model_dump(exclude_none=True))

    def ended(self, outcome: str, message: str, counts: Mapping[str, int]) -> None:
        """A start of the sweep has ended.

        Args:
            outcome: `completed`, `interrupted` or `failed`.
            message: why.
            counts: trials by state.
        """
        self.happened("sweep_ended", outcome=outcome, message=message, counts=dict(counts))

    # ---- trials, and jobs beside them

    def trial(self, trial: Trial) -> None:
        """A trial's file was written; call it once what follows from its state is in the files too."""
        with suppress(OSError, SweepError):
            self._trials.compare(trial)

    def started(self, job: Job) -> None:
        """A worker has begun with a job. What is a trial's is seen in its file."""
        replicate = job.replicates[0]
        place = (job.name, replicate, job.attempts.get(replicate, 0))
        self._seen.discard(place)
        self._found[place] = self._checkpoint(job, *place)
        if job.trial is None:
            self._open[job.name, replicate] = facts = of_job(job)
            self.happened("replicate_started", **facts)

    def reported(self, job: Job, report: Report) -> None:
        """A worker has got further."""
        node = report.node or report.host
        self._where[job.name] = node
        if node and node not in self._nodes:
            self._nodes.add(node)
            self.happened("node_joined", node=node, host=report.host)
        place = (job.name, report.replicate, job.attempts.get(report.replicate, 0))
        if place not in self._seen:
            self._seen.add(place)
            # Where it has ended already its checkpoints are gone; else those that were torn are.
            there = self._found.pop(place, None)
            taken = there if report.record is not None else self._checkpoint(job, *place)
            if taken is not None:
                facts = {**of_job(job), "replicate": report.replicate, "attempt": place[2]}
                self.happened("replicate_resumed", **facts, progress=taken, host=report.host, node=node)
        if report.row is not None:
            record = report.row.model_dump(mode="json")
            if job.trial is None:
                self._ended(self._open.pop((job.name, report.replicate), of_job(job)), record, node)
            else:  # its end is seen in the trial's file
                self._reported[job.name, report.replicate] = record

    def _checkpoint(self, job: Job, name: str, replicate: int, attempt: int) -> float | None:
        """The progress at the checkpoint of an earlier attempt from which this one continues, if there is one."""
        own = f"-e{job.generation:04d}-a{attempt:02d}"
        found = [path.stem for path in self._folder.work(name).glob(f"{replicate:02d}-*-e*-a*.ckpt")]
        return max((int(stem.split("-")[1]) / 1e6 for stem in found if not stem.endswith(own)), default=None)

    def failed(self, job: Job, failure: Failure) -> None:
        """An attempt failed, and what follows from it is in the files."""
        facts = self._open.pop((job.name, job.replicates[0]), None)
        if facts is None:
            return
        record = read_json(self._folder.record_file(job.name, job.replicates[0]))
        if record is not None:
            self._ended(facts, record, failure.node)
            return
        ended = {"outcome": failure.outcome, "cause": failure.cause, "message": str(failure), "host": failure.host}
        self.happened("replicate_ended", **facts, **ended, node=failure.node)

    def interrupted(self, job: Job, message: str) -> None:
        """An attempt was stopped in an orderly way."""
        facts = self._open.pop((job.name, job.replicates[0]), None)
        if facts is not None:
            self.happened("replicate_ended", **facts, outcome="interrupted", message=message)

    def _ended(self, facts: Mapping[str, object], record: Mapping[str, object], node: str = "") -> None:
        result = of_record(record)
        self._recorded.add((str(facts.get("name")), int(str(facts["replicate"])), str(result.get("finished_at", ""))))
        self.happened("replicate_ended", when=str(result.get("finished_at", "")), **{**facts, **result}, node=node)

    def _result(self, number: int, replicate: int) -> Event:
        with suppress(OSError, SweepError):
            name = self._folder.trial_name(number)
            record = self._reported.pop((name, replicate), None)
            record = record or read_json(self._folder.record_file(name, replicate))
            return {**of_record(record or {}), "node": self._where.get(name)}
        return {}

    # ---- nodes

    def node(self, event: str, node: str, host: str, message: str = "") -> None:
        """A node was lost, left, or gets no more work.

        Args:
            event: `node_lost`, `node_left` or `node_set_aside`.
            node: what the executor calls it.
            host: its name.
            message: why.
        """
        self._nodes.discard(node or host)
        self.happened(event, node=node or host, host=host, message=message)
