"""What becomes of a folder that has been worked on: records that are gone, trials set back, changes of the spec."""
