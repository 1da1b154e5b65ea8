"""The HTTP face of the world."""
