"""Who wishes not to be written to."""
