"""Binance spot, after the Binance spot API documentation."""
