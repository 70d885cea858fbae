"""What the rows of this app are built from."""
