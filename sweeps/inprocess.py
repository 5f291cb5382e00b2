"""Runs a sweep in this process, one job after the other, without Ray: the plain twin of `sweeps.tuner`."""

from pathlib import Path

from sweeps.errors import StaleEpochError
from sweeps.job import Job
from sweeps.laboratory import AcgkdLaboratory, Laboratory
from sweeps.runner import JobRunner
from sweeps.session import Nothing, Session
from sweeps.signals import stop_signals
from sweeps.snapshot import Summary, Watch
from sweeps.spec import SweepSpec


def run(
    spec: SweepSpec,
    folder: Path,
    *,
    command: str = "",
    address: str | None = None,
    watch: Watch | None = None,
    spec_text: str = "",
    trust_code: bool = False,
    laboratory: Laboratory | None = None,
) -> Summary:
    """Starts a sweep, goes on with it, extends it, or finds that nothing is left to do.

    Args:
        spec: the sweep.
        folder: where it lives; made if need be.
        command: that started it, for the record.
        address: must be None: there is no cluster here.
        watch: called with a snapshot at every change and at least every two seconds, also from another thread.
        spec_text: the spec as the user wrote it.
        trust_code: whether the spec may name Python functions of the user's.
        laboratory: where experiments come from; the real one if left out.

    Raises:
        SweepError: the folder is another sweep's, another driver works on it, or it cannot be written.
        KeyboardInterrupt: at the second Ctrl-C or SIGTERM; the first one ends cleanly.
    """
    if address is not None:
        raise ValueError(f"`address` is for Ray; in this process there is none, but got {address!r}.")
    source = laboratory or AcgkdLaboratory.of(spec, trust_code)
    with Session(spec, folder, source, command=command, spec_text=spec_text, watch=watch) as session:
        at_work: list[Job] = []

        def stop() -> bool:
            session.stop()
            # Of a teacher nothing can be kept, so there is no point in waiting for it.
            return any(job.kind == "teacher" for job in at_work)

        with stop_signals(stop):
            try:
                if not session.nothing_to_do:
                    session.prepare()
                while not session.nothing_to_do:
                    job = session.next()
                    if isinstance(job, Nothing):
                        break
                    at_work[:] = [job]
                    _work(session, job)
                    at_work.clear()
            except KeyboardInterrupt:
                if not at_work or at_work[0].kind != "teacher":
                    raise
        return session.summary()


def _work(session: Session, job: Job) -> None:
    session.started(job)
    runner = JobRunner(session.spec, session.folder, job, session.laboratory)
    going = True
    while going and not session.stopping:
        try:
            going = session.report(job, runner.step())
        except StaleEpochError as error:
            session.died(job, error)
            return
    if going:
        runner.checkpoint()
        session.interrupted(job)
