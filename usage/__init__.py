"""What was served over time: requests, tokens and memory, rolled up and kept in one small file."""
