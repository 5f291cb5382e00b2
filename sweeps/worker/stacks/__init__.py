"""Replicates of one trial, at work together in one process."""
