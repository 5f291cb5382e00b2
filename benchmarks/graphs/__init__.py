"""Methods on graphs, compared."""
