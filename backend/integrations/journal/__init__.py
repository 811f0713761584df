"""The durable record in SQLite: one writer thread, group commit, one process at a time."""
