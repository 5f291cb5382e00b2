"""Methods on images, compared."""
