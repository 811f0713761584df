"""One folder per venue, each with the same files: facts, errors, auth, render, dialect."""
