"""The site's own limits on sending and on credits."""
