"""Data of one's own: files that a run names, and what is measured on them."""
