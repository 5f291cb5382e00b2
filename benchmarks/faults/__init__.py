"""What faults do to sweeps."""
