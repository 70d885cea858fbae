"""The page of one batch: how far it is, what can be done with it, and what can be downloaded of it."""
