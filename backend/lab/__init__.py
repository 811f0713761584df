"""The only place that starts router and emulator together, and the only reader of the emulator's ledger."""
