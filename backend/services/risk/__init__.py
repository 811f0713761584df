"""Exposure and limits."""
