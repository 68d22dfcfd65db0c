"""Files that several processes read and replace: atomic, patient on Windows, private to their owner."""
