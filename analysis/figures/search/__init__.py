"""Figures of a search as a whole: its progress, all settings at once, pairs of settings."""
