"""Sending a task once."""
