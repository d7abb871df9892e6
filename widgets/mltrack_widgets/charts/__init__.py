"""Charts as pure functions: a data frame in, an Altair chart out; usable alone, with no store and no kernel.

Altair is imported by the first chart that is drawn.
"""
