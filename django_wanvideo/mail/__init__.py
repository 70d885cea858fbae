"""Telling people by e-mail of what became of their videos, at least once and never in the way of a video."""
