"""Making tasks: what is given is checked, stored, and never made twice."""
