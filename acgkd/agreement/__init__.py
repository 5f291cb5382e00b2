"""Agreement without data: what it is worth. Needs nothing installed, so that whoever shows it can say so."""
