"""Automatic logging: what is patched in users' libraries, when, and how a fault of ours stays ours."""
