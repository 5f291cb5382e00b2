"""What happens to a sweep as events, for whoever follows it: the file of events, trackers, tools."""
