"""Copying paid videos into the site's own storage."""
