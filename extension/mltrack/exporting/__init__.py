"""Writes a run as a project that others can run, and checks that it gives the same numbers."""
