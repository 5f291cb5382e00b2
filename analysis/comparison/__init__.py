"""Methods compared over data sets: who is compared with whom, at what cost, and how sure one may be."""
