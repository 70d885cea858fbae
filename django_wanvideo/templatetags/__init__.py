"""Tags for the templates of sites."""
