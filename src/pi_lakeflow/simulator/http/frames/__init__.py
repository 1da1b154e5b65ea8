"""Event frames over HTTP: what lists keep, what objects look like, what their streams hold."""
