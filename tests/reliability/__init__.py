"""Abuse, faults and long runs against the whole product: commands, told of in docs/reliability.md."""
