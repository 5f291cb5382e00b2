"""The networks that the entries build; importing one imports torch."""
