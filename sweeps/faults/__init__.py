"""Whose fault it was that an attempt ended, and what follows from it: rules alone, no files."""
