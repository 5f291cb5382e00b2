"""Suites: folders whose sweeps are read together."""
