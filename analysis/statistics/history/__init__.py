"""What happened in a sweep: values at rungs, stops, attempts in time."""
