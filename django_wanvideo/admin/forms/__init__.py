"""The forms of a task."""
