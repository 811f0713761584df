"""Firi (formerly MiraiEx), after the Firi Trading API documentation."""
