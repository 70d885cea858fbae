"""What the rows of a film in parts have in common."""
