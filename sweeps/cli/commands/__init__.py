"""The commands of `acgkd`, one to a file. What is slow to import is imported where it is used."""
