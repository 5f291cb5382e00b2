"""The tables of the page of a comparison."""
