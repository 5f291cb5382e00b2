"""How a search came to its results, and what each of its points is for."""
