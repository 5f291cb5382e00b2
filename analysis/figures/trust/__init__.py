"""Figures of what a result rests on: replicates by seed, what was selected by against test accuracy."""
