"""Files of trials, and what makes them again after a power cut."""
