"""Firi spot: ``rules`` (data), ``outcomes`` (what its errors prove), ``answers`` (reading), ``adapter``."""
