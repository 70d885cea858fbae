"""What a second person has to agree to before it is sent."""
