"""What a run found, in lists: providers by rank, findings; filtered, a page at a time."""
