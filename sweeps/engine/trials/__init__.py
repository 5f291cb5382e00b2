"""The trials of a sweep: their states, the rules for them, the sampler that asks for them."""
