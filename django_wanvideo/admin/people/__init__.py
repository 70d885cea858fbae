"""What belongs to one person: presets, and what they are told of."""
