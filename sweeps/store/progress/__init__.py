"""How far a sweep is, from its files alone."""
