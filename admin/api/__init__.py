"""The admin server's JSON API."""
