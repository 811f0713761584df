"""The venues, translated. ``factory`` builds an adapter; everything heavy is imported only then."""
