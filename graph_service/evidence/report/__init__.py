"""The report to an authority, and the dossier of the civil track: facts first, then pages."""
