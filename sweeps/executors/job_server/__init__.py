"""Ray's job server, to which a whole sweep is submitted, driver and all."""
