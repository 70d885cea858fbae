"""Whether this site is able to make videos: one set of checks for command, admin and host projects."""
