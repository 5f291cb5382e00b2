"""The sweep folder: every file of it, written atomically."""
