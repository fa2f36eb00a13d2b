"""The log of what was read and done: append-only, chained, anchored outside the database."""
