"""The words that settings choose among; machinery goes by the same ones."""

from typing import Literal

# Distances between BatchNorm's memory and what it sees: `acgkd.modules.batch_norm`.
Statistic = Literal["gaussian_kl", "norm", "squared"]

# Noise of an edge, and what is passed on while graphs are learned: `acgkd.graphs.pseudo.concrete`.
Noise = Literal["logistic", "gumbel"]
Relaxation = Literal["straight_through", "relaxed"]

# What a generator of graphs learns by: `acgkd.graphs.pseudo.graph_generator`.
Gradient = Literal["straight_through", "cut"]

# How a generator of images ends: `acgkd.images.generator`.
Ending = Literal["tanh_norm", "norm", "sigmoid"]

# Terms of a generator's loss: `acgkd.losses`, `acgkd.images.image_losses`.
Base = Literal["e", "10"]
Pairing = Literal["batch", "pair"]
Overlap = Literal["released", "jensen_shannon"]

# What happens to images before they are shown: `acgkd.images.augment`.
Augmentation = Literal["none", "crop_flip"]

# How a student is taught: `acgkd.transfer`.
Decay = Literal["linear", "none", "cosine", "steps"]
Pacing = Literal["none", "linear", "root", "geometric", "step"]
Difficulty = Literal["loss", "entropy", "gap", "edges"]
Labels = Literal["pseudo", "teacher"]
PseudoSamples = Literal["resampled", "fixed", "soft", "mixed"]
