"""HTTP: one request, at most once, and whether a byte of it left."""
