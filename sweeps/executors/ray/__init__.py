"""Ray Tune as executor; the only package that imports ray."""
