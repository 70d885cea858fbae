"""What staff read: texts, numbers, pieces of HTML."""
