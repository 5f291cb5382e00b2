"""What `docs/generate.py` is made of: one module for each kind of page that follows from the code."""
