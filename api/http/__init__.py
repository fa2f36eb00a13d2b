"""The HTTP door: thin routers, one a subject, over the same modules as the terminal's."""
