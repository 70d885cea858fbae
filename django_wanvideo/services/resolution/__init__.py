"""What a person decides, and the evidence for it."""
