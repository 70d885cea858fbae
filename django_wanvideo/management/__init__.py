"""Commands for the terminal, and what they share."""
