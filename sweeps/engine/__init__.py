"""One start of a sweep: which job is next, what came of it, when it ends. Knows no executor."""
