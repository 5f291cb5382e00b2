"""A sweep's specification: read, checked whole, frozen."""
