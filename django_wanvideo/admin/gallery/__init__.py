"""The list of tasks as a grid of pictures."""
