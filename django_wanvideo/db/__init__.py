"""The database that this app writes to, and the times that it keeps there."""
