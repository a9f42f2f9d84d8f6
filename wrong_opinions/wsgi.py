"""The WSGI application: `gunicorn wrong_opinions.wsgi`."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "wrong_opinions.settings")

application = get_wsgi_application()
