"""Pseudo-graphs: distributions over graphs that can be learned by gradient."""
