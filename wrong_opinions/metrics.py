"""`/metrics` for Prometheus, if METRICS_FOR is set: what this host counts, and the state of the site's parts.

Each worker counts in files of its own, in a folder that gunicorn.conf.py makes; the worker that answers adds them up.
Requests to upstreams are counted in the upstreams' shared state, as commands send some, too.
"""

import contextlib
import os
from collections.abc import Callable, Iterator
from time import perf_counter

from django.conf import settings
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse
from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.openmetrics.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector

from accounts.security import address_of
from integrations import errors, status
from selections.models import ImportedRow

from . import jobs
from .request_log import method_of, route_of

BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)  # seconds
ERRORS = (errors.NotFound, errors.RateLimited, errors.Unavailable)

of_this_process = CollectorRegistry()
requests = Counter(
    "wrong_opinions_requests", "Answered requests.", ["method", "route", "status"], registry=of_this_process
)
latencies = Histogram(
    "wrong_opinions_request_seconds",
    "Time until the answer began.",
    ["method", "route"],
    buckets=BUCKETS,
    registry=of_this_process,
)


class Metrics:
    """Counts requests, and answers `/metrics` itself, so that any host name is accepted."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path_info == "/metrics" and is_allowed(request):
            return HttpResponse(generate_latest(everything()), content_type=CONTENT_TYPE_LATEST)
        began = perf_counter()
        response = self.get_response(request)
        names = method_of(request), route_of(request.resolver_match)
        latencies.labels(*names).observe(perf_counter() - began)
        requests.labels(*names, response.status_code).inc()
        return response


def is_allowed(request: HttpRequest) -> bool:
    address = address_of(request)
    return address is not None and any(address in network for network in settings.METRICS_FOR)


def everything() -> CollectorRegistry:
    registry = CollectorRegistry()
    is_shared = "PROMETHEUS_MULTIPROC_DIR" in os.environ
    registry.register(MultiProcessCollector(None) if is_shared else of_this_process)
    registry.register(Parts())
    return registry


class Parts(Collector):
    """The current state of the site's parts, without what is in the database if that does not answer."""

    def collect(self) -> Iterator[Metric]:
        sent = CounterMetricFamily("wrong_opinions_upstream_requests", "Requests sent.", labels=["upstream"])
        failed = CounterMetricFamily(
            "wrong_opinions_upstream_errors", "Lookups without a result, by the reason.", labels=["upstream", "code"]
        )
        for service, upstream in status.UPSTREAMS.items():
            counted = upstream.state.peek()
            sent.add_metric([service], counted.get("sent", 0))
            for error in ERRORS:
                failed.add_metric([service, error.code], counted.get(error.code, 0))
        yield from (sent, failed)
        with contextlib.suppress(DatabaseError):
            yield from self.gauges()

    def gauges(self) -> Iterator[Metric]:
        is_open = GaugeMetricFamily("wrong_opinions_circuit_breaker_open", "1 while it fails.", labels=["upstream"])
        queue = GaugeMetricFamily("wrong_opinions_upstream_queue_seconds", "Wait for a slot.", labels=["upstream"])
        for upstream in status.upstreams():
            is_open.add_metric([upstream.service], upstream.is_down)
            queue.add_metric([upstream.service], upstream.queue.seconds if upstream.queue else 0)
        yield from (is_open, queue)
        rows = ImportedRow.objects.filter(state=ImportedRow.State.REVIEW).count()
        yield GaugeMetricFamily("wrong_opinions_imported_rows_to_decide", "Imported rows to decide.", value=rows)
        is_well = GaugeMetricFamily("wrong_opinions_job_well", "1 unless it is late or has failed.", labels=["job"])
        for job in jobs.states():
            is_well.add_metric([job.name], job.is_well)
        yield is_well
