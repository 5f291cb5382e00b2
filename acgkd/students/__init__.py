"""Students: projected onto their teacher's width, saved, loaded."""
