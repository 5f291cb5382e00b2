"""Plain trees of settings."""
