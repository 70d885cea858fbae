"""An app whose models refer to videos in every way that Django has."""
