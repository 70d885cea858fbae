"""EvoLink as this site uses it."""
