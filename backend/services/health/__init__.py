"""Live checks of the venues."""
