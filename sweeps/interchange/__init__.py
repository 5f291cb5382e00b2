"""Sweeps as files for others: packed records, an Optuna study."""
