"""What holds for all tests."""

from hypothesis import settings
from playwright.sync_api import expect

from tests.helpers import PATIENCE

# How long an example takes says more about the machine than about the code.
settings.register_profile("default", deadline=None)
settings.load_profile("default")

# So does how long a page takes to show something.
expect.set_options(timeout=PATIENCE * 1000)
