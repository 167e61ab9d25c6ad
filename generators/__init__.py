"""Landing files for the warehouse: the replay of a real year, and a seeded shop."""
