"""Who a request comes from, and the log of what concerns the security of accounts."""

import ipaddress
import logging
import re
import secrets

from django.conf import settings
from django.http import HttpRequest

logger = logging.getLogger("security")


def record(event: str, request: HttpRequest | None = None, *, user_id: int | None = None) -> None:
    """Write one line about an event, such as "sign-in refused", to the log named `security`.

    It has the id of the account, and of the user who did it, the client and the request's id where they are known, and
    nothing that is secret.
    """
    by = getattr(getattr(request, "user", None), "pk", None) or "-"
    client = client_of(request) if request else "-"
    request_id = getattr(request, "id", "-")
    logger.info(
        "%s user=%s by=%s client=%s request=%s", event, user_id or "-", by or "-", client or "-", request_id or "-"
    )


class RequestIdMiddleware:
    """Gives each request an id, `X-Request-ID` of the answer; behind our proxy it is the proxy's."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        request.id = request.headers.get("X-Request-ID", "") if settings.HTTPS else ""
        if not re.fullmatch(r"[A-Za-z0-9._-]{8,64}", request.id):
            request.id = secrets.token_hex(8)
        response = self.get_response(request)
        response.headers["X-Request-ID"] = request.id
        return response


def client_of(request: HttpRequest) -> str:
    """What tells the client from others: its address, or where that is IPv6 the network that one customer gets.

    Behind our proxy it is what that appended to X-Forwarded-For; what a client writes there itself stands before it.
    """
    address = request.META.get("REMOTE_ADDR", "")
    if settings.HTTPS and (forwarded := request.headers.get("X-Forwarded-For", "").rpartition(",")[2].strip()):
        address = forwarded
    if with_port := re.fullmatch(r"\[(.+)\](?::\d+)?|([\d.]+):\d+", address):
        address = with_port[1] or with_port[2]
    try:
        known = ipaddress.ip_address(address)
    except ValueError:
        return "unknown"  # a proxy that is not ours may say anything
    if known.version == 4:
        return str(known)
    return str(known.ipv4_mapped or ipaddress.ip_network((int(known), 64), strict=False))
