"""Suites: methods by data sets by pairs by budgets in one spec, run as ordinary sweeps in one folder."""
