from __future__ import annotations

from hypothesis import settings

# A machine that is busy is no error: no example has a deadline.
settings.register_profile("hftlab", deadline=None)
settings.load_profile("hftlab")
