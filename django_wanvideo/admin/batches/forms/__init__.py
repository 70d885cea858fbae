"""The form of *Make many*, its controls, and the files that came with it."""
