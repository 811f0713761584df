"""Bybit v5, spot."""
