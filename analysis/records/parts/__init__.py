"""The parts of a record, each a flat set of fields: which run, how good, at what cost, where, with which code."""
