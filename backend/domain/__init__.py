"""The vocabulary: ids, money, instruments, intents, attempts, outcomes, books, rules. Frozen values, no I/O."""
