"""The command ``quantum-trader``."""
