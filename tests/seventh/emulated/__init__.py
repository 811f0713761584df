"""Meridian, an invented exchange, emulated."""
