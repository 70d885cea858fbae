"""Films in parts in the admin: going on from a video, remaking a part, joining all of them."""
