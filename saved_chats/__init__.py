"""Chats of the page, kept on this machine."""
