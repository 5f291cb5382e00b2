"""Machinery that makes pseudo-graphs."""
