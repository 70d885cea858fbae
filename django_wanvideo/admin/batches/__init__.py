"""The admin of batches: how many videos are made at once, checked, and followed."""
