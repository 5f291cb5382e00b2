"""Readers of published files, shared by several data sets."""
