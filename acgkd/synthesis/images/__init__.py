"""Machinery that makes pseudo-images."""
