"""Statistics on records: intervals, paired differences, fronts, importance."""
