"""Graph methods, measured."""
