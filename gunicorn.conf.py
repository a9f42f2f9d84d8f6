"""gunicorn's configuration, which it reads by itself. See docs/deployment.md."""

import os
import shutil
import sys
import tempfile

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "wrong_opinions.settings")

wsgi_app = "wrong_opinions.wsgi"
bind = "127.0.0.1:8000"
worker_class = "wrong_opinions.worker.WaitressWorker"  # its threads are the setting WEB_THREADS
workers = int(os.environ.get("WEB_CONCURRENCY") or 2)
if not workers:  # gunicorn would accept connections, and never answer
    sys.exit("WEB_CONCURRENCY must be 1 or more.")
worker_connections = 500  # of each worker: 1,024 open files are a common limit
keepalive = 5  # seconds that an idle connection stays open
loglevel = "warning"
control_socket_disable = True
forwarder_headers = ""  # clients must not set SCRIPT_NAME with any worker class


def on_starting(server):
    """Make the folder in which workers count for /metrics; it stays empty unless METRICS_FOR is set."""
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = tempfile.mkdtemp(prefix="wrong-opinions-metrics-")


def on_exit(server):
    shutil.rmtree(os.environ["PROMETHEUS_MULTIPROC_DIR"], ignore_errors=True)
