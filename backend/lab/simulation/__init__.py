"""The real router in seeded virtual time, on exchanges that fail, in processes that die."""
