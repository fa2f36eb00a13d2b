"""How a home is kept: carried to a newer layout, backed up, pruned, and erased as decided."""
