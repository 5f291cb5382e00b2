"""Scripts that measure, and pages of results that they make: `python -m benchmarks.<folder>.<script>`."""
