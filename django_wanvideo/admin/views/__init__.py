"""The pages beside Django's own."""
