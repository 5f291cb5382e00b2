"""A job at work in one process: steps, checkpoints, records."""
