"""One sweep, several machines: who is its driver, which start is the latest, and what each machine has of its files."""
