"""A small real site that sells things and shows each of them in a made video."""
