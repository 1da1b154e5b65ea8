"""Live values: many sockets under one face, and their messages as rows."""
