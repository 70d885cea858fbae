"""Batches of tasks, what they were made from, and presets."""
