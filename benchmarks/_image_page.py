"""What the page on image methods says around its tables."""

import math
from collections.abc import Mapping, Sequence

import _tables
from _curves import Curve
from _image_tables import Study, contrast_table, contrasts, equal_time, knob_table, spread_table
from _robustness import RULE, verdict
from _tables import Results

from acgkd.methods import METHODS
from analysis.record import Record

MAIN = "rdskd"
BASELINE = "dafl"
FLOOR = "noise"

HEAD = (
    "All numbers are of students after their last step; nothing was selected on test, and settings were chosen on "
    "validation splits of other seeds and other teachers than those reported. Of RDSKD's paper the abstract and the "
    "released code could be had, not its tables nor how it varied settings; MSKD is as it is commonly described, for "
    "no code of it was released."
)

COMPACT = (
    "*Compact* is our protocol for a core or two: narrow generators, small batches, a fixed number of student steps, "
    "the same for all; each method's losses, temperature and order of steps stay as released. One teacher for all, and "
    "one split of the published training part; a seed varies the draws and the student's first weights. The test part "
    "is the published one. LeNet-5 has no BatchNorm layer, so `deepinversion` and `fast_meta` do without the term "
    "that they are known for. Means over seeds ± standard deviation. *Ratio*: student over teacher. *Recovered*: "
    "Σ(student − majority) / Σ(teacher − majority), bootstrap interval over seeds. *Difference*: paired by seed, with "
    "its 95 % interval. *Collapsed*: seeds whose student says one class only."
)

TIME = (
    "Accuracy on the validation split after the same seconds, synthesis included, read from the same runs: each was "
    "judged at twelve shares of its student's steps, off the clock, and between two of them it is taken straight. The "
    "student's rate falls to 0 by the end of a run, so a run that is cut off here was not made to be. Columns are a "
    f"quarter, half, once and twice the seconds that `{MAIN}` takes."
)

ROBUSTNESS = (
    "The abstract claims higher accuracy with more robustness over settings than the four rivals have. How the paper "
    "varied settings is not known, and its code has no weights, so the design is ours and the same for all: every "
    "weight of a loss (for ZSKD, which has none, its two concentrations together), both learning rates, the batch, and "
    "the length of a generator's noise are multiplied. *One at a time* by 0.1, 0.3, 3 and 10; *jointly* by numbers "
    "drawn log-uniformly from 0.1 to 10, the same for knobs that methods share. A method with fewer knobs is turned "
    "less. The test accuracy of every setting counts and none is selected; the means of a few seeds, one teacher, one "
    "split."
)

# Who, figure, source, and what is different there.
PUBLISHED = (
    ("DAFL", "0.982", "its paper's table 1", "teacher 0.989; 24,000 steps of 512 images, best epoch on test"),
    ("DAFL, as others ran it", "0.981 ± 0.001", "the DFAD code's table", "teacher 0.989; best epoch on test"),
    ("DFAD", "0.983 ± 0.002", "the same", "10,000 student steps of 512 images, best epoch on test"),
    ("ZSKD", "0.988", "its paper, from a secondary source", "could not be read"),
    ("ZSKD, as others ran it", "0.970 and 0.979", "two unofficial codes", "24,000 impressions, 2,000 epochs"),
    ("noise", "0.880", "DAFL's table 1", "normal noise; how long is not said"),
    ("noise, as others ran it", "0.747 ± 0.033", "the DFAD code's table", "the same"),
    ("distillation with the data", "0.989", "DAFL's table 1", "best epoch on test"),
    ("RDSKD, MSKD", "", "arXiv:2011.03749", "the tables could not be read, so none of their figures is quoted"),
)  # fmt: skip


def mnist(result: Results, found: Sequence[Record], curves: Mapping[str, Curve]) -> list[str]:
    """The compact protocol."""
    return [
        "## MNIST, compact protocol",
        "",
        COMPACT,
        "",
        *_protocol(result),
        "",
        *_tables.test_table(result, BASELINE),
        "### After the same seconds",
        "",
        TIME,
        "",
        *equal_time(result, found, curves),
    ]


def published(result: Results) -> list[str]:
    """The released schedules."""
    text = (
        "*Published* is what the released codes do: their widths, batches, rates and numbers of steps, which differ "
        "from method to method. The students' last weights count, where most of the sources report the best on test."
    )
    body = ["Not run: no GPU.", ""] if result.rows.empty else _tables.test_table(result, BASELINE)
    return ["## MNIST, published protocol", "", text, "", *_protocol(result), "", *body]


def _protocol(result: Results) -> list[str]:
    """Teacher, student and seeds of a sweep."""
    spec = result.spec
    data = "" if spec.dataset is None else spec.dataset.name
    seeds = ", ".join(map(str, spec.replicates.seeds))
    return [
        f"`{spec.teacher.preset}` → `{spec.student.preset}` on {data}; teacher of {spec.teacher.epochs} epochs of "
        f"batches of {spec.teacher.batch_size}; seeds {seeds}, which vary {', '.join(spec.replicates.vary)}."
    ]


def targets(result: Results, studies: Sequence[Study]) -> list[str]:
    """What was promised, met or missed."""
    lines = []
    ratio, floor = result.value(MAIN, "ratio"), result.value(FLOOR, "test_accuracy")
    methods = [label for label in result.labels if _learns(result, label)]
    reached = {label: result.value(label, "test_accuracy") for label in methods}
    if any(map(math.isnan, (ratio, floor, *reached.values()))):
        lines.append("* MNIST has not been run whole yet.")
    else:
        below = [label for label, value in reached.items() if value <= floor]
        lines += [
            _law(f"on MNIST, compact, `{MAIN}`'s mean at least 0.95 of its teacher's", ratio >= 0.95, f"{ratio:.3f}"),
            _law(
                f"every method above `{FLOOR}` there ({floor:.3f})",
                not below,
                "not above: " + ", ".join(f"{label} {reached[label]:.3f}" for label in below) if below else "all",
            ),
        ]
    found = contrasts(studies, MAIN)
    if not found:
        return [*lines, "* The claim of robustness has not been tested yet.", ""]
    said = verdict([item.sd for item in found])
    return [*lines, f"* the claim of robustness, tested on digits: **{said}** (figures below)", ""]


def _learns(result: Results, label: str) -> bool:
    spec = result.spec
    name = label if label == spec.method.name else spec.control(label).name
    return not METHODS[name].lower_control and not METHODS[name].needs_data


def _law(law: str, met: bool, told: str) -> str:
    return f"* {law}: {'met' if met else 'missed'}; {told}"


def robustness(studies: Sequence[Study], first: Results, picture: str) -> list[str]:
    """The study on digits."""
    found = contrasts(studies, MAIN)
    missing = sum(name not in study.accuracies for study in studies for name in study.settings)
    lines = ["## How much each method hangs on its settings", "", ROBUSTNESS, "", *_protocol(first), "", RULE, ""]
    if found:
        spread, mean = verdict([item.sd for item in found]), verdict([item.mean for item in found])
        lines += [
            f"**That RDSKD's accuracy spreads less than every rival's: {spread}. That its mean is higher: {mean}.**",
            "",
            *contrast_table(found, MAIN),
        ]
    else:
        lines += [f"{missing} settings have not been run yet, so nothing is said of the claim.", ""]
    if picture:
        lines += [f"![Test accuracy of every setting, by method]({picture})", ""]
    return [
        *lines,
        "### Jointly",
        "",
        "Intervals are of a bootstrap over settings. *Best*: of all settings of the method that were run.",
        "",
        *spread_table(studies, "together"),
        "### One at a time",
        "",
        *spread_table(studies, "single"),
        *knob_table(studies),
    ]


def draws(studies: Sequence[Study], first: Results) -> list[str]:
    """The joint draws on MNIST."""
    found = contrasts(studies, MAIN)
    return [
        "## The first joint draws once more, on MNIST",
        "",
        *_protocol(first),
        "",
        *spread_table(studies, "together"),
        *(contrast_table(found, MAIN) if found else []),
    ]


def ablation(results: Sequence[Results]) -> list[str]:
    """RDSKD without its parts."""
    text = (
        "One change to RDSKD in each row. On digits a seed varies split, teacher and draws, and intervals of "
        "differences are corrected for re-splits (Nadeau and Bengio); on MNIST it varies the draws. References are "
        "held for 120 steps as released, but of a schedule of 400 where the release has 2,400."
    )
    lines = ["## What the parts of RDSKD are worth", "", text, ""]
    for result in results:
        lines += [*_protocol(result), "", *_tables.test_table(result, MAIN)]
    return lines


def quoted() -> list[str]:
    """Figures of others."""
    text = "LeNet-5 → half on MNIST, quoted for orientation: no protocol is ours."
    return [
        "## Published figures",
        "",
        text,
        "",
        *_tables.table(("what", "accuracy", "source", "what is different"), PUBLISHED),
    ]
