"""What is run again after a sweep: its chosen trials on fresh seeds, or one trial as it was."""
