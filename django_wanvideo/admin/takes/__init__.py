"""Several videos of one wish in the admin: making them, comparing them beside each other, picking the best."""
