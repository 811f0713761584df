"""Settings types. Loading them (file, environment) is backend.config.load, used by bootstrap alone."""

from backend.config.model import ExecutionConfig, Limits, PaperSettings, Settings, Timeouts, VenueSettings

__all__ = ["ExecutionConfig", "Limits", "PaperSettings", "Settings", "Timeouts", "VenueSettings"]
