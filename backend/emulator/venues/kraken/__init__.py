"""Kraken spot, after the Kraken REST API documentation."""
