"""The vocabulary: ids, money, instruments, intents, attempts, outcomes, books, venue rules. Frozen values, no I/O, no clock."""
