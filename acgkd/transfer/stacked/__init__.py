"""Several students taught in one step: their models as one model, their teaching stages as one stage."""
