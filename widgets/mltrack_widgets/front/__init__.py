"""What runs in the browser: plain ES modules with their style rules, and the anywidgets that carry them."""
