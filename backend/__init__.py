"""Quantum Trader: an order router that never executes an order twice. The map of the code is docs/ARCHITECTURE.md."""
