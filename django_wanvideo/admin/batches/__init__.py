"""The admin of batches."""
