"""The WSGI application: `gunicorn wrong_opinions.wsgi`."""

import io
import logging
import os

from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.db import Error, connection

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "wrong_opinions.settings")

django_application = get_wsgi_application()


def report_database() -> None:
    """Log at the start what every request would answer with a 503."""
    from . import outages

    try:
        with connection.wrap_database_errors:
            connection.connect()
    except Error as error:
        logging.getLogger(__name__).error(outages.report(error))
    finally:
        connection.close()


report_database()


def application(environ, start_response):
    """Django's, which otherwise takes a chunked body for an empty one, and breaks on a charset that is none."""
    if "chunked" in environ.get("HTTP_TRANSFER_ENCODING", "").lower() and environ.get("wsgi.input_terminated"):
        if environ["PATH_INFO"] == "/api/import":  # whose view reads it, and no more than it allows
            environ["CONTENT_LENGTH"] = str(int(settings.IMPORT_MAX_MB * 1_000_000) + 1)
        else:
            body = environ["wsgi.input"].read(settings.DATA_UPLOAD_MAX_MEMORY_SIZE + 1)
            environ |= {"wsgi.input": io.BytesIO(body), "CONTENT_LENGTH": str(len(body))}
    media_type, _, parameters = environ.get("CONTENT_TYPE", "").partition(";")
    if "*" in parameters or not media_type.strip().lower().startswith("multipart/"):
        environ["CONTENT_TYPE"] = media_type  # both JSON and the admin's forms are UTF-8
    response = django_application(environ, start_response)
    if environ["REQUEST_METHOD"] == "HEAD":
        response.close()
        return []  # gunicorn drops a body, too, but with a warning each time
    return response
