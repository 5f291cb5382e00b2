"""What the page on image methods says around its tables."""

import math
from collections.abc import Mapping, Sequence

from scipy.stats import binomtest

from analysis.records.record import Record
from benchmarks._lib import tables
from benchmarks._lib.tables import Results
from benchmarks.images._claim import RULE
from benchmarks.images._curves import Curve
from benchmarks.images._image_study import Study, contrast_table, contrasts, single_table, spread_table, standing_table
from benchmarks.images._image_tables import cost_table, elsewhere_table, equal_time, settings_table
from benchmarks.images._image_targets import MAIN, absent

HEAD = (
    "Test accuracies are of students after their last step, and nothing was selected on test. What recipes leave open "
    "on MNIST and digits was chosen from [a few rows](image-methods-pilot.md), as many for each of RDSKD's rivals as "
    "for itself, on validation splits, and on seeds that no test accuracy here is of; `mskd` takes what was chosen for "
    "`dafl`, and `zskt`, `dfad`, `fast_meta` and all on CIFAR-10 are untuned. Of RDSKD's paper the abstract and "
    "the released code could be had, not its tables nor how it varied settings; MSKD is as it is commonly described, "
    "for no code of it was released."
)

COMPACT = (
    "*Compact* is our protocol for a core or two: narrow generators, small batches, a fixed number of student steps, "
    "the same for all. Losses, temperatures and order of steps are each method's own; the table of settings says what "
    "is not as released. One teacher for all, and "
    "one split of the published training part; a seed varies the draws and the student's first weights. The test part "
    "is the published one. LeNet-5 has no BatchNorm layer, so `deepinversion` and `fast_meta` do without the term "
    "that they are known for. Means over the seeds that completed ± standard deviation; under Targets a run that "
    "diverged, or ran out of memory or time, counts as the majority class. *Ratio*: student over teacher. *Recovered*: "
    "Σ(student − majority) / Σ(teacher − majority), bootstrap interval over seeds. *Difference*: of the row to "
    f"`{MAIN}`, paired by seed, each with a 95 % interval of its own. *Collapsed*: seeds whose student says one class "
    "only."
)

TIME = (
    "Accuracy on the validation split after the same seconds, synthesis included, read from the same runs: each was "
    "judged at twelve shares of its student's steps, off the clock, and linearly interpolated between them. The "
    "student's learning rate falls to 0 by the end of a whole run, so an earlier accuracy is not that of a run planned "
    f"to be so short. Columns are a quarter, half, once and twice the seconds that `{MAIN}` takes. Rows were run at "
    "different hours on a shared machine. `zskd` and `deepinversion` teach in the same way, from a pool of images: the "
    "difference of their seconds of transfer shows how far seconds differ for reasons other than the method."
)

RELEASED = (
    "*Published*: widths, batches, rates and numbers of steps are each released code's, and differ from method to "
    "method. No code says how DeepInversion teaches a student (its temperature is its authors' word, its pool the "
    "usual benchmark's, its steps are RDSKD's), none does ZSKD on MNIST (its settings are those for CIFAR-10), and "
    "none does MSKD. The students' last weights count, where most of the sources report the best on test."
)

ROBUSTNESS = (
    "The abstract claims higher accuracy with more robustness over settings than the four rivals have. How the paper "
    "varied settings is not known, and its code has no weights, so the design is ours and the same for all: every "
    "weight of a loss that is not 0 (for ZSKD its two concentrations together as well), both learning rates, the "
    "batch, and the length of a generator's noise are multiplied. *One at a time* by 0.1, 0.3, 3 and 10; *jointly* "
    "by numbers drawn log-uniformly from 0.1 to 10, the same for hyper-parameters that methods share. A method with "
    "fewer hyper-parameters is perturbed less. The test accuracy of every setting counts and none is selected."
)

DEFAULTS = (
    "Every method before anything is perturbed, over several seeds: the spread over seeds is chance. Chance under "
    "perturbed hyper-parameters was not measured; it may be larger."
)

ELSEWHERE = (
    "The whole study has one teacher. [The pilot](image-methods-pilot.md) shows the sensitivity to the teacher: the "
    "same settings, but a teacher and a split of its own for each seed (MSKD had no rows there). Both columns are "
    "accuracy on validation splits. The pilot's is a little high, for the settings were chosen by it, but by less "
    "than the columns differ; so the verdict on the claim holds for this teacher."
)


def mnist(result: Results, found: Sequence[Record], curves: Mapping[str, Curve]) -> list[str]:
    """The compact protocol."""
    return [
        "## MNIST, compact protocol",
        "",
        COMPACT,
        "",
        *_protocol(result),
        "",
        *tables.test_table(result, MAIN),
        *settings_table(result),
        "### After the same seconds",
        "",
        TIME,
        "",
        *equal_time(result, found, curves),
    ]


def published(result: Results) -> list[str]:
    """The released schedules."""
    body = ["Not run: no GPU.", ""] if result.rows.empty else tables.test_table(result, MAIN)
    return ["## MNIST, published protocol", "", RELEASED, "", *_protocol(result), "", *body]


def _protocol(result: Results) -> list[str]:
    """Teacher, student and seeds of a sweep."""
    spec = result.spec
    data = "" if spec.dataset is None else spec.dataset.name
    seeds = ", ".join(map(str, spec.replicates.seeds))
    several = len(spec.replicates.seeds) > 1
    return [
        f"`{spec.teacher.preset}` → `{spec.student.preset}` on {data}; teacher of {spec.teacher.epochs} epochs of "
        f"batches of {spec.teacher.batch_size}; seed{'s' if several else ''} {seeds}, which "
        f"var{'y' if several else 'ies'} {', '.join(spec.replicates.vary)}."
    ]


def _runs(studies: Sequence[Study]) -> str:
    """What one accuracy of a study is: of how many runs, and of how many samples."""
    most = max((study.runs for study in studies), default=1)
    runs = "one run" if most == 1 else f"the mean of {most} runs"
    size = max((study.test_size for study in studies), default=0)
    tested = f", on a test part of {size} samples, where a point is {0.01 * size:.3g} of them" if size else ""
    chance = "; the chance of its draws is in it, so single settings should not be read" if most == 1 else ""
    return f"Below, each accuracy is of {runs}, on the first seed{tested}{chance}."


def robustness(
    studies: Sequence[Study],
    first: Results,
    picture: Sequence[str],
    compact: Results,
    pilot: Results,
    rows: Mapping[str, str],
) -> list[str]:
    """The study on digits; what is said of the claim stands under the targets.

    Args:
        studies: one for each method.
        first: all methods at their defaults.
        picture: lines that show it, or none.
        compact: MNIST by the compact protocol.
        pilot: by which the settings were chosen.
        rows: its row of each method.
    """
    lines = ["## Sensitivity to hyper-parameters", "", ROBUSTNESS, "", *_protocol(first), ""]
    lines += [
        *standing_table(studies, compact),
        "### At their defaults",
        "",
        DEFAULTS,
        "",
        *tables.test_table(first, MAIN),
    ]
    if rows:
        lines += [ELSEWHERE, "", *elsewhere_table(first, pilot, rows)]
    lines += ["### Perturbed", "", _runs(studies), "", RULE, ""]
    if not contrasts(studies, MAIN):
        lines += [f"Nothing is said of the claim yet: {absent(studies)}.", ""]
    return [
        *lines,
        *picture,
        "#### Jointly",
        "",
        "*Best*: of all settings of the method that were run. Intervals are t intervals over settings, of the method "
        "by itself; what compares methods stands under Targets.",
        "",
        *spread_table(studies, "together"),
        "#### One at a time",
        "",
        *spread_table(studies, "single"),
        *single_table(studies),
    ]


def draws(studies: Sequence[Study], first: Results, compact: Results) -> list[str]:
    """The joint draws on MNIST."""
    found = contrasts(studies, MAIN)
    return [
        "## The first joint draws once more, on MNIST",
        "",
        *_protocol(first),
        "",
        *standing_table(studies, compact),
        *tables.test_table(first, MAIN),
        _runs(studies),
        "",
        *spread_table(studies, "together"),
        "One rival, so the intervals below are at 95 % for its two figures together; the claim as a whole is judged on "
        "digits, against all four.",
        "",
        *(contrast_table(found, MAIN) if found else [f"Not compared yet: {absent(studies)}.", ""]),
    ]


def ablation(result: Results) -> list[str]:
    """RDSKD without its parts."""
    text = (
        "One change to RDSKD in each row; `beside the student` takes one step of synthesis with each of the student's, "
        "800 where the others take 400, and `untrained generator` and `noise` are lower controls. A seed varies split, "
        "teacher and draws, and intervals of differences are corrected for re-splits (Nadeau and Bengio). Where a "
        "reference is held, it is for 120 steps as released, but of a schedule of 400 where the release has 2,400."
    )
    count = len(result.labels) - 1
    many = (
        f"Each of the {count} intervals of differences is at 95 % by itself: were every true difference 0, "
        f"{0.05 * count:.1f} of them would leave it out on average."
    )
    return [
        "## What the parts of RDSKD are worth",
        "",
        text,
        "",
        *_protocol(result),
        "",
        many,
        "",
        *tables.test_table(result, MAIN),
    ]


def cifar(result: Results) -> list[str]:
    """CIFAR-10 as far as a CPU gets."""
    text = (
        "No GPU was at hand, so this is a small pair, taught briefly, and not that of the papers, for which there is "
        "specs/cifar10.yaml. The teacher is trained on all training images but those for validation; accuracies are of "
        "the first 1,000 test images, a subset. Which images these are is not in the deviation over seeds, for all see "
        "the same: *over images* is what accuracy on all such images would be, by the mean over seeds (Wilson, 95 %). "
        "So few steps are little for any method, and for the teacher's own data too: this says that the methods run "
        "there, and hardly how they compare. `zskt` and `dfad` were not run. Other work shared the machine, more in "
        "some rows than in others, so seconds are not to be compared."
    )
    rows = [[label, _over_images(result, label)] for label in ("teacher", *result.labels)]
    return [
        "## CIFAR-10, a small pair",
        "",
        text,
        "",
        *_protocol(result),
        "",
        *tables.test_table(result, MAIN),
        *tables.table(("what", "test accuracy over images"), rows),
        *settings_table(result),
    ]


def _over_images(result: Results, label: str) -> str:
    known = result.references().get(label)
    mean = known[0] if known else result.value(label, "test_accuracy")
    sizes = result.rows["test_size"].dropna()
    if math.isnan(mean) or sizes.empty:
        return "–"
    size = int(sizes.iloc[0])
    found = binomtest(round(mean * size), size).proportion_ci(method="wilson")
    return f"{mean:.3f} ({found.low:.3f} to {found.high:.3f})"


def cost(parts: Mapping[str, Sequence[Record]]) -> list[str]:
    """What all of it took."""
    text = (
        "Computed from the records. A run is what its clocks say or, where that is more, from its start to its end, "
        "judging included; each thread is a core. A teacher counts once, in the first part that it is in. A "
        "compact run on MNIST or digits was to take 180 s at most; perturbed batches, up to ten times as large, take "
        "longer, and so do runs on CIFAR-10."
    )
    return ["## What it took", "", text, "", *cost_table(parts)]
