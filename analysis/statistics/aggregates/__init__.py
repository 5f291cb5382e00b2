"""What methods come to over several data sets: aggregates, ranks, corrected families of tests, and sensitivity."""
