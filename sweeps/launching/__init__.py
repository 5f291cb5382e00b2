"""Starts a sweep's driver elsewhere: batch scripts for Slurm, and jobs for Ray's job server."""
