"""The six questions that the report of a sweep answers, one file each; every file makes one section."""
