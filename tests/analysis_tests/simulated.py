"""Simulated records whose truth is known: methods over data sets, with seeds that share what they share in life."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from analysis.records.frame import Frame, frame_of_rows

TRAIN, TEST = 60, 30


def resplit_noise(draw: np.random.Generator, seeds: int, sd: float = 1.0) -> NDArray[np.float64]:
    """Errors of seeds that re-split one data set: correlated by test/(test + train), Nadeau and Bengio's model."""
    shared = TEST / (TEST + TRAIN)
    return np.asarray(sd * (np.sqrt(shared) * draw.normal() + np.sqrt(1 - shared) * draw.normal(size=seeds)))


def mean_of_means(runs: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    """The mean over data sets of the mean over runs: the plainest aggregate that can be resampled."""
    return np.asarray(np.mean([each.mean(axis=-1) for each in runs], axis=0))


def frame(
    means: Mapping[str, Mapping[str, float]],
    *,
    seeds: int = 5,
    noise: float = 0.02,
    own: float = 0.01,
    resplit: bool = True,
    draw: np.random.Generator | None = None,
    validation: Mapping[str, Mapping[str, float]] | None = None,
    skip: Sequence[tuple[str, str, int]] = (),
) -> Frame:
    """Records of methods over data sets.

    Args:
        means: true accuracy by data set and method; the first method is the trial, others are controls.
        seeds: of every method.
        noise: of the seed, which all methods of a data set share.
        own: of each run.
        resplit: whether seeds draw the split; errors are then correlated between them.
        draw: random numbers.
        validation: validation accuracy, where it is not the test accuracy.
        skip: data set, method and seed of runs that did not complete.
    """
    rng = np.random.default_rng(0) if draw is None else draw
    rows = []
    for dataset, methods in means.items():

        def errors(sd: float) -> NDArray[np.float64]:
            return resplit_noise(rng, seeds, sd) if resplit else rng.normal(0, sd, seeds)

        common = errors(noise)
        for index, (label, mean) in enumerate(methods.items()):
            values = mean + common + errors(own)
            for seed in range(seeds):
                said = values[seed] if validation is None else validation[dataset][label] + 0.001 * seed
                row = {
                    "source": dataset, "file": f"{label}-{seed}", "sweep": dataset, "replicate": seed, "seed": seed,
                    "kind": "control" if index else "trial", "trial": None if index else 0,
                    "label": label if index else "trial 0", "method": label.partition(" ")[0],
                    "vary": "split,teacher,draws" if resplit else "draws", "train_size": TRAIN, "test_size": TEST,
                    "dataset": dataset, "teacher": "big", "student": "small", "outcome": "completed", "device": "cpu",
                    "fingerprint": f"{dataset}-{label}", "test_accuracy": float(values[seed]),
                    "validation_accuracy": float(said), "teacher_test_accuracy": 0.9 + float(common[seed]),
                    "majority_accuracy": 0.5, "transfer_s": 2.0 + index, "synthesis_s": 1.0,
                    "multiply_adds": 1e9 * (1 + index), "predicted_classes": 2,
                }  # fmt: skip
                if (dataset, label, seed) in skip:
                    row |= {"outcome": "diverged", "test_accuracy": None, "validation_accuracy": None}
                rows.append(row)
    return frame_of_rows(rows)
