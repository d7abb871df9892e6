"""Runs what a run depends on again: with other values, in a clean kernel, or many times as a sweep."""
