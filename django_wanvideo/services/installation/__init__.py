"""Which installation a database belongs to."""
