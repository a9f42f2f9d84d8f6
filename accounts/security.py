"""Who a request comes from, and the log of what concerns the security of accounts."""

import ipaddress
import logging
import re

from django.conf import settings
from django.http import HttpRequest

logger = logging.getLogger("security")


def record(event: str, request: HttpRequest | None = None, *, user_id: int | None = None) -> None:
    """Write one line about an event, such as "sign-in refused", to the log named `security`.

    It has the account's id, the client and the request's id where they are known, and nothing that is secret.
    """
    client = client_of(request) if request else "-"
    request_id = getattr(request, "id", "-")
    logger.info("%s user=%s client=%s request=%s", event, user_id or "-", client, request_id)


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
        return address
    if known.version == 4:
        return str(known)
    return str(known.ipv4_mapped or ipaddress.ip_network((int(known), 64), strict=False))
