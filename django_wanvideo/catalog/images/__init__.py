"""Pictures by their content: what they are, whether a model takes them, and what is sent of them."""
