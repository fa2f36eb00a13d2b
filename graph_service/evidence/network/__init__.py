"""The case's network in the formats that other tools read."""
