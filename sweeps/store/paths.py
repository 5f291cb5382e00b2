"""Where the files of a sweep lie. Paths inside its folder are relative to it alone."""

import hashlib
import re
from pathlib import Path


class SweepPaths:
    """Names and places of a sweep's files.

    Args:
        path: the folder; it need not exist yet.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.spec = path / "spec.yaml"
        self.sweep = path / "sweep.json"
        self.generation_file = path / "epoch"
        self.lock_file = path / "driver.lock"
        self.asked_file = path / "asked.jsonl"
        self.trials_folder = path / "trials"
        self.records = path / "records"
        self.curves = path / "curves"
        self.students = path / "students"
        self.samples = path / "samples"
        self.starts = path / "starts"
        self.queue = path / "queue"
        self.stop = path / "stop"
        self.trackers = path / "trackers"
        self.events = path / "events.jsonl"
        self.plugins = path / "code" / "plugins"
        self.cache = path / "cache"
        self.logs = path / "logs"
        self.driver_log = self.logs / "driver.log"
        self.on_end_log = self.logs / "on-end.txt"
        self.ray_log = self.logs / "ray.log"

    # ---- names

    @staticmethod
    def trial_name(number: int) -> str:
        """What files of a trial begin with."""
        return f"trial-{number:04d}"

    @staticmethod
    def control_name(label: str) -> str:
        """What files of a control begin with: its label, or a name that no other label has and every disk takes."""
        if re.fullmatch(r"[a-z0-9_]+", label):
            return f"control-{label}"
        plain = re.sub(r"[^a-z0-9_]+", "-", label.lower()).strip("-")
        return f"control-{plain}-{hashlib.sha256(label.encode()).hexdigest()[:6]}"

    def trial_file(self, number: int) -> Path:
        """The trial's own account."""
        return self.trials_folder / f"{number:04d}" / "trial.json"

    def record_file(self, name: str, replicate: int) -> Path:
        """The record of one replicate."""
        return self.records / f"{name}-{replicate:02d}.json"

    def curves_file(self, name: str, replicate: int) -> Path:
        """The loss curves of one replicate."""
        return self.curves / f"{name}-{replicate:02d}.json"

    def student_file(self, name: str, replicate: int) -> Path:
        """The weights of one replicate's student."""
        return self.students / f"{name}-{replicate:02d}.pt"

    def failure_log(self, name: str, replicate: int, attempt: int) -> Path:
        """The traceback or stacks of a failed attempt."""
        return self.logs / f"{name}-{replicate:02d}-attempt-{attempt + 1}.txt"

    def samples_file(self, name: str, replicate: int) -> Path:
        """Pseudo-samples to look at, of one replicate."""
        return self.samples / f"{name}-{replicate:02d}.npz"

    def work(self, name: str) -> Path:
        """Where checkpoints and clocks of a trial or control lie while it is at work."""
        if name.startswith("trial-"):
            return self.trials_folder / name.removeprefix("trial-")
        return self.path / "work" / name
