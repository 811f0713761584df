"""What the services need from the world, as Protocols. Implemented in integrations/, faked in tests/fakes/."""
