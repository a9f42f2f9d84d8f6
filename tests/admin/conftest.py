import pytest


@pytest.fixture(autouse=True)
def no_memory(settings):
    """Figures of the first page are counted each time, however slow the machine."""
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.dummy.DummyCache"}}
