"""A person's own data (GDPR art. 15): all that is held about one person, nobody else in it."""
