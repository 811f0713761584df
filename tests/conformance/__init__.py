"""One suite of numbered cases for every venue: the real adapter over real HTTP against the emulated venue."""
