"""``mltrack ui``: Voilà serves the package's pages to a browser."""
