"""What steps and trials cost."""
