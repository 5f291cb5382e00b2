"""Figures of what happened: values at rungs, attempts in time, outcomes by cause."""
