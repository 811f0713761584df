"""Every published figure, measured by one command: ``make bench``; the long runs are ``make night``."""
