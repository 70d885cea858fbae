"""What the rows of takes have in common."""
