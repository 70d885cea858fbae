"""The pieces of ``manage.py demo``: a whole site with its engines, on one machine, for a look or for a proof."""
