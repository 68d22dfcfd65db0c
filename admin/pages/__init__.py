"""The screens of the admin page."""
