"""Messages to addresses that the operator has entered. Their paths and headers may be secret, so errors contain
neither."""

from typing import Any

import requests

from .transport import new_session

TIMEOUT = (3.05, 8)  # seconds to connect, and between two pieces of the answer


def post(url: str, body: bytes, headers: dict[str, str]) -> str:
    """Send a message once; returns what went wrong, or "" if it was accepted. Redirects are not followed."""
    options: Any = {"timeout": TIMEOUT, "allow_redirects": False, "stream": True}
    try:
        with new_session(1) as session, session.post(url, data=body, headers=headers, **options) as response:
            return "" if 200 <= response.status_code < 300 else f"answered HTTP {response.status_code}"
    except requests.Timeout:
        return "did not answer in time"
    except (requests.RequestException, OSError, ValueError):
        return "is unreachable"
