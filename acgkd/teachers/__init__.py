"""Teachers: trained here, or adapted from a module of the user's."""
