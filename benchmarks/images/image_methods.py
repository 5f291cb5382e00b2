"""Image methods side by side on MNIST, their sensitivity to hyper-parameters, and what RDSKD's parts are worth.

    python -m benchmarks.images.image_methods --workers 2  # what is not there yet, then docs/results/image-methods.md
    python -m benchmarks.images.image_methods --only robustness --hours 2
    python -m benchmarks.images.image_methods --report     # only the page, from the records that are there

The parts: `mnist`, all methods in the compact protocol; `robustness`, RDSKD and its rivals on digits with
hyper-parameters perturbed one at a time and jointly; `draws`, RDSKD and DAFL on MNIST with all of them perturbed;
`ablation`, RDSKD without each of its terms; `cifar`, a small pair on CIFAR-10; and `published`, the released schedules,
which want a GPU and are run only if asked for by name. A run that is stopped resumes: from its sweep folders, and in a
fresh clone from the packed records, which are committed.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from acgkd.config import MethodChoice
from acgkd.methods import METHODS
from benchmarks._lib import comparison, tables
from benchmarks._lib.comparison import SPECS, Place
from benchmarks._lib.tables import Results
from benchmarks.images import _curves, _image_opening, _image_page, _image_published, _image_targets, image_pilot
from benchmarks.images._claim import REACHED
from benchmarks.images._curves import Curve
from benchmarks.images._image_figure import Side, distribution
from benchmarks.images._image_study import Study
from benchmarks.images._robustness import Variant, joint, one_at_a_time, varied
from sweeps.spec.loading import check_tree
from sweeps.spec.raw import read_tree
from sweeps.spec.sweep_spec import SweepSpec
from sweeps.worker.experiments import AcgkdExperiments, Experiments

NAME = "image-methods"
PARTS = ("mnist", "robustness", "draws", "ablation", "cifar", "published")
USUAL = PARTS[:-1]
CURVES = comparison.RECORDS / f"{NAME}-curves.json"
# Joint draws of each method.
DRAWS = {"robustness": 30, "draws": 20}
# Which spec each part is made from.
FILES = {
    "mnist": "mnist",
    "robustness": "digits-robustness",
    "draws": "mnist-draws",
    "ablation": "digits-ablation",
    "cifar": "cifar10-small",
    "published": "mnist-published",
}


@dataclass(frozen=True)
class Perturbed:
    """The sweep of one method with its hyper-parameters perturbed.

    Args:
        label: of the method.
        spec: the method at its defaults as the trial, each setting a control.
        single: settings with one hyper-parameter perturbed.
        together: settings with all of them perturbed.
    """

    label: str
    spec: SweepSpec
    single: tuple[Variant, ...]
    together: tuple[Variant, ...]


def perturbed(part: str, folder: Path = SPECS) -> list[Perturbed]:
    """The sweeps of `robustness` or `draws`, one for each method of the spec that learns from what it makes.

    On the first of its seeds alone: three of each setting would take five core-hours and more.
    """
    path = folder / f"{FILES[part]}.yaml"
    base = comparison.read_spec(path)
    methods = {base.method.name: base.method}
    methods |= {item.label: base.control_config(item.label).method for item in base.controls if _learns(item.name)}
    found = []
    for label, method in methods.items():
        tree = read_tree(path, [f"name={NAME}-{part}-{label}"])
        single = () if part == "draws" else tuple(one_at_a_time(method))
        together = tuple(joint(method, DRAWS[part]))
        tree.value["method"] = method.model_dump()
        tree.value["controls"] = [_control(method, variant) for variant in (*single, *together)]
        tree.value["replicates"]["seeds"] = tree.value["replicates"]["seeds"][:1]
        found.append(Perturbed(label, check_tree(tree), single, together))
    return found


def _learns(name: str) -> bool:
    return not METHODS[name].lower_control and not METHODS[name].needs_data


def _control(method: MethodChoice, variant: Variant) -> Mapping[str, object]:
    return {**varied(method, variant.factors).model_dump(), "label": variant.label}


def specs(part: str, folder: Path = SPECS) -> list[SweepSpec]:
    """The sweeps of a part; where settings are perturbed, the one with all methods at their defaults comes first."""
    name = part if part in DRAWS else FILES[part]
    whole = comparison.read_spec(folder / f"{FILES[part]}.yaml", [f"name={NAME}-{name}"])
    return [whole, *(item.spec for item in perturbed(part, folder))] if part in DRAWS else [whole]


def experiments(spec: SweepSpec) -> Experiments:
    """Whose runs are judged on their way where a table needs it."""
    if spec.name == f"{NAME}-mnist":
        return _curves.JudgingExperiments.of(spec)
    return AcgkdExperiments.of(spec)


def run(parts: Sequence[str], place: Place, *, workers: int, hours: float | None, folder: Path = SPECS) -> bool:
    """Runs what is missing.

    Returns:
        Whether everything is there.

    Raises:
        SystemExit: the published schedules are asked for, and there is no GPU.
    """
    if "published" in parts:
        import torch

        if not torch.cuda.is_available():
            raise SystemExit("The released schedules take days of a CPU; `--only published` needs a CUDA device.")
    if workers > 1:
        from ray import cloudpickle

        cloudpickle.register_pickle_by_value(_curves)  # workers do not look here for modules
    sweeps = [spec for part in parts for spec in specs(part, folder)]
    return comparison.run(sweeps, place, workers=workers, hours=hours, experiments_of=experiments)


def keep_curves(place: Place, folder: Path = SPECS, packed: Path = CURVES) -> dict[str, Curve]:
    """Packs the validation curves that there are, and returns them by run."""
    sweeps = specs("mnist", folder)
    found = comparison.records(sweeps, place)
    return _curves.gather(sweeps, found, place.home, packed).get(sweeps[0].name, {})


def report(place: Place, folder: Path = SPECS, curves: Path = CURVES) -> None:
    """Writes the page and its picture."""
    along = keep_curves(place, folder, curves)
    studied = {part: perturbed(part, folder) for part in DRAWS}
    sweeps = {part: specs(part, folder) for part in PARTS}
    found = comparison.records([spec for part in PARTS for spec in sweeps[part]], place)
    names = {part: {spec.name for spec in sweeps[part]} for part in PARTS}
    frame = comparison.frame_of(found)
    first = {part: Results.of(sweeps[part][0], frame) for part in PARTS}
    studies = {
        part: [Study.of(item.label, item.spec, found, item.single, item.together) for item in items]
        for part, items in studied.items()
    }
    picture = _picture(studies["robustness"], first["robustness"], place.page)
    lines = [
        *_image_opening.opening(first["mnist"], first["published"], studies["robustness"]).lines(
            "Image methods side by side"
        ),
        f"{tables.machine()}.",
        "",
        _image_page.HEAD,
        "",
        "## Targets",
        "",
        *_image_targets.targets(first["mnist"], first["published"], studies["robustness"]),
        *_image_page.mnist(first["mnist"], found, along),
        *_image_page.published(first["published"]),
        *_image_page.robustness(
            studies["robustness"], first["robustness"], picture, first["mnist"], *_pilot(place, folder)
        ),
        *_image_page.draws(studies["draws"], first["draws"], first["mnist"]),
        *_image_page.ablation(first["ablation"]),
        *_image_page.cifar(first["cifar"]),
        *_image_page.cost({part: [item for item in found if item.identity.sweep in names[part]] for part in PARTS}),
        *_image_published.quoted(first["mnist"]),
    ]
    place.page.parent.mkdir(parents=True, exist_ok=True)
    place.page.write_text("\n".join(lines).rstrip() + "\n")
    print(f"{place.page.name}: {len(found)} records")


def _pilot(place: Place, folder: Path) -> tuple[Results, Mapping[str, str]]:
    """What the settings of the study were chosen by, and which row of it each method took."""
    sweeps = image_pilot.specs(("pilot-digits",), folder)
    found = Results.of(sweeps[0], comparison.frame_of(comparison.records(sweeps, place.beside(image_pilot.NAME))))
    return found, image_pilot.chosen(found)


def _picture(studies: Sequence[Study], first: Results, page: Path) -> list[str]:
    """Draws the study beside the page, as far as it is there; returns the lines that show it."""
    if not any(study.accuracies for study in studies):
        return []
    teacher, floor = first.references().get("teacher"), first.value(_image_targets.FLOOR, "test_accuracy")
    lines: list[tuple[str, float, Side]] = []
    if teacher is not None:
        lines += [("teacher", teacher[0], "left"), (f"{REACHED:g} of it", REACHED * teacher[0], "right")]
    if not math.isnan(floor):
        lines.append((_image_targets.FLOOR, floor, "right"))
    path = page.with_name(f"{page.stem}-spread.svg")
    picture = distribution(path.stem, "Test accuracy of every setting, by method", studies, lines)
    path.write_text(picture.svg)
    return [f"![{picture.title}]({path.name})", "", picture.caption, ""]


def main() -> None:
    """Runs what is missing, then writes the page."""
    options = comparison.arguments(__doc__).parse_args()
    place = Place.of(NAME, options.out)
    curves = place.records.with_name(CURVES.name)
    if not options.report:
        # A sweep whose spec has changed is laid out anew, and its curves with it.
        keep_curves(place, options.specs, curves)
        parts = comparison.chosen(PARTS, options.only) if options.only else list(USUAL)
        run(parts, place, workers=options.workers, hours=options.hours, folder=options.specs)
    report(place, options.specs, curves)
    print(place.page)


if __name__ == "__main__":
    main()
