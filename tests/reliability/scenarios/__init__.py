"""Things that go wrong, and what is to hold all the same. Each scenario says in figures what it saw."""
