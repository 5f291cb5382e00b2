"""Sweeps that lie on an object store (``s3://bucket/name``): objects by name, and the copy that a machine works on."""
