"""What Ray Tune asks for while it runs: its next trial, whether one continues, how many workers it may keep."""
