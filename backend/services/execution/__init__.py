"""The way of one order."""
