"""The pages of ``mltrack ui``: a store in a browser without a notebook, each page with an address of its own."""
