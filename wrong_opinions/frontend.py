"""A built frontend at the same origin, if FRONTEND_DIR names its folder: whitenoise serves its files, this the rest."""

import base64
import hashlib
import re
from pathlib import Path
from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern, re_path
from django.utils.csp import CSP
from django.views.decorators.csp import csp_override
from django.views.decorators.http import require_safe

from . import headers

# The paths that the frontend gets besides its files: all that do not begin with a path of this site.
OTHERS = r"^(?!(?:admin|api|health|static)(?:/|\Z)).*\Z"
PERMISSIONS_POLICY = headers.PERMISSIONS_POLICY.replace("clipboard-write=()", "clipboard-write=(self)")
INLINE_SCRIPT = re.compile(r"<script(?![^>]*\ssrc=)[^>]*>(.*?)</script>", re.DOTALL | re.IGNORECASE)


def policy(document: str) -> dict[str, Any]:
    """The CSP for a document: its own inline scripts, by their digests, and styles that frameworks set in elements."""
    digests = [hashlib.sha256(script.encode()).digest() for script in INLINE_SCRIPT.findall(document)]
    return settings.SECURE_CSP | {
        "script-src": [CSP.SELF, *(f"'sha256-{base64.b64encode(digest).decode()}'" for digest in digests)],
        "style-src": [CSP.SELF, CSP.UNSAFE_INLINE],
        "font-src": [CSP.SELF, "data:"],
    }


def urls(folder: Path) -> list[URLPattern]:
    """The frontend's index.html for every path that is neither a file nor ours, as the frontend has pages of its
    own."""
    document = (folder / "index.html").read_text("utf-8")

    @csp_override(policy(document))
    @require_safe
    def page(request: HttpRequest) -> HttpResponse:
        if re.match(settings.WHITENOISE_IMMUTABLE_FILE_TEST, request.path_info):
            raise Http404  # a file of another build, which index.html cannot stand for
        return HttpResponse(document, headers={"Permissions-Policy": PERMISSIONS_POLICY})

    return [re_path(r"^\Z", page, name="home"), re_path(OTHERS, page, name="frontend")]
