"""Panels: runs as things to look at, choose from and compare, inside the notebook."""
