"""Beneficial Ownership Data Standard 0.4, as JSON and JSON lines."""
