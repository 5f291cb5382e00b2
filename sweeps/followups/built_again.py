"""A student of which a file holds weights alone, built again by the code that its sweep names where that is trusted."""

from pathlib import Path
from typing import TYPE_CHECKING

from acgkd.errors import CheckpointError, FolderError
from sweeps.followups.single_trial import Original
from sweeps.store.folder import SweepFolder
from sweeps.worker.experiments import AcgkdExperiments

if TYPE_CHECKING:
    from torch import nn


def read_back(folder: Path, path: Path, which: int | str, replicate: int, trust_code: bool) -> "nn.Module":
    """The student of a file in a sweep folder, in evaluation mode.

    Args:
        folder: of the sweep; only read.
        path: the file.
        which: number of the trial, or label of the control.
        replicate: index of the seed.
        trust_code: whether code that the spec names may run, if nothing else makes a module of the weights.

    Raises:
        CheckpointError: the file is damaged, or holds weights alone and code is not trusted or not named.
        FolderError: that code, or a file that the spec names, is not any more what it was when the student was taught.
        ConfigError: nothing of its name can be called.
        TeacherError: it builds no student.
    """
    from acgkd.run.experiment import Experiment
    from acgkd.students.saving import holds_weights_alone, load_student

    if not holds_weights_alone(path):
        return load_student(path)
    student = SweepFolder(folder).require_sweep().spec.get("student")
    preset = str(student.get("preset")) if isinstance(student, dict) else str(student)
    if ":" not in preset or not trust_code:
        way = f"`{preset}` builds one: add `--trust-code` (in Python `trust_code=True`) to let it run."
        raise CheckpointError(
            f"{path} holds weights alone, since its module could not be written as a program. "
            f"{way if ':' in preset else 'Build one and pass it: load_student(path, into=module).'}"
        )
    original = Original.open(folder)
    spec = original.spec
    name = original.files.trial_name(which) if isinstance(which, int) else original.files.control_name(which)
    record = original.files.read_record(name, replicate)
    experiments = AcgkdExperiments.of(spec, trust_code)
    then = {} if record is None or record.code is None else record.code.files
    now = experiments.user_files(spec, also=sorted(then), fresh=True)
    changed = [file for file, digest in then.items() if now.get(file) != digest]
    if changed:
        raise FolderError(
            f"A student is built again by the code that it was taught with, but `{changed[0]}` has changed since. "
            "Put it back."
        )
    config = spec.run_config({} if record is None else record.parameters)
    if isinstance(which, str):
        config = spec.control_config(which)
    here = config.model_copy(update={"device": "cpu"})
    places = experiments.code_folders
    experiment = Experiment(here, spec.replicates.seeds[0], home=folder, trust_code=True, code_folders=places)
    return load_student(path, into=experiment.untaught_student())
