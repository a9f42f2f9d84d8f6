"""How gunicorn serves this site; it reads this file by itself. See docs/deployment.md."""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "wrong_opinions.settings")

wsgi_app = "wrong_opinions.wsgi"
bind = "127.0.0.1:8000"
worker_class = "wrong_opinions.worker.Worker"  # its threads are the setting WEB_THREADS
workers = int(os.environ.get("WEB_CONCURRENCY") or 2)
worker_connections = 256  # of each worker, with up to two open files each: 1,024 is a common limit
keepalive = 5  # seconds
loglevel = "warning"
control_socket_disable = True
sendfile = False  # which waits for the client
# What a proxy says is for Django to believe (see the setting HTTPS): gunicorn would believe any local client.
forwarder_headers = ""
secure_scheme_headers: dict[str, str] = {}
http_protocols = "h1"
