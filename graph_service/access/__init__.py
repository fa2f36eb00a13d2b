"""Who may see what, and what of a run they are shown."""
