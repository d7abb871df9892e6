"""What is drawn in a cell: cards, tables, notebooks."""
