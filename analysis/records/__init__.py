"""Records of runs as files and as data frames."""
