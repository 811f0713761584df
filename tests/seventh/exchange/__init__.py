"""Meridian spot, an invented exchange. Its adapter loads ccxt, so it is imported when it is asked for."""
