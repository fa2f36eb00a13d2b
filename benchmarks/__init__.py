"""What the program costs beside the bare work, and what it finds on towns it has not seen."""
