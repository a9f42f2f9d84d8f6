"""The client of a request, and the log of what concerns the security of accounts."""

import ipaddress
import logging
import re

from django.conf import settings
from django.http import HttpRequest

logger = logging.getLogger("security")


def record(event: str, request: HttpRequest | None = None, *, user_id: int | None = None) -> None:
    """Write one line about an event, such as "sign-in refused", to the log named `security`.

    It has the ids of the account, of the user who did it and of the request, and the client, as far as they are known,
    and nothing secret.
    """
    by = getattr(getattr(request, "user", None), "pk", None)
    client = client_of(request) if request else None
    request_id = getattr(request, "id", None)
    values = {"user": user_id, "by": by, "client": client, "request": request_id}
    words = " ".join(f"{name}={value or '-'}" for name, value in values.items())
    logger.info("%s %s", event, words, extra={"event": event, **values})


def address_of(request: HttpRequest) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """The client's IP address; None if there is none, or it cannot be read.

    Behind our proxy it is the last address of X-Forwarded-For, which the proxy added; the client can write anything
    before it.
    """
    address = request.META.get("REMOTE_ADDR", "")
    if settings.HTTPS and (forwarded := request.headers.get("X-Forwarded-For", "").rpartition(",")[2].strip()):
        address = forwarded
    if with_port := re.fullmatch(r"\[(.+)\](?::\d+)?|([\d.]+):\d+", address):
        address = with_port[1] or with_port[2]
    try:
        known = ipaddress.ip_address(address)
    except ValueError:
        return None  # another proxy may write anything
    return known if known.version == 4 else known.ipv4_mapped or known


def client_of(request: HttpRequest) -> str:
    """The client's IP address; of an IPv6 address the /64 network, as a customer usually has a whole one."""
    known = address_of(request)
    if known is None:
        return "unknown"
    return str(known if known.version == 4 else ipaddress.ip_network((int(known), 64), strict=False))
