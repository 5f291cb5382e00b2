"""Parts of methods that make pseudo-samples."""
