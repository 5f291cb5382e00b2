"""One run, from a config and a seed to a measured student."""
