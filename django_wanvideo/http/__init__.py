"""What all our HTTP has in common: who we say we are, when reading ends, and how text from outside is cleaned."""
