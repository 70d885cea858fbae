"""What holds sending back for the whole site."""
