"""A seventh venue that does not exist, written by the steps of docs/venues/adding.md."""
