"""The WSGI application, which gunicorn.conf.py names."""

import gc
import os

from django.core.wsgi import get_wsgi_application
from django.urls import reverse

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "wrong_opinions.settings")

django_application = get_wsgi_application()
reverse("home")  # loads the URLs and views now, rather than in the first request
gc.freeze()  # what is loaded stays, so the garbage collector need not look at it again


def application(environ, start_response):
    """Django's application, which otherwise fails on an unknown charset."""
    media_type, _, parameters = environ.get("CONTENT_TYPE", "").partition(";")
    if "*" in parameters or not media_type.strip().lower().startswith("multipart/"):
        environ["CONTENT_TYPE"] = media_type  # both JSON and the admin's forms are UTF-8
    response = django_application(environ, start_response)
    if environ["REQUEST_METHOD"] == "HEAD":
        response.close()
        return []  # waitress would send a body
    return response
