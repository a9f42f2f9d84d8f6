"""How answers and static files are compressed."""

import re
from typing import Any

import brotli
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.middleware.gzip import GZipMiddleware
from django.utils.cache import patch_vary_headers
from whitenoise.compress import Compressor
from whitenoise.storage import CompressedManifestStaticFilesStorage

ACCEPTS_BROTLI = re.compile(r"\bbr\b(?!\s*;\s*q=0(\.0*)?\s*(,|$))", re.IGNORECASE)
QUALITY = 3  # never takes more CPU time than gzip; 4 takes half as much again for bodies below 2 KB


class CompressionMiddleware(GZipMiddleware):
    """Django's gzip, and brotli for JSON.

    Pages contain tokens, and get random bytes from Django against BREACH. JSON needs none: in that attack, another site
    makes a browser send requests, but it cannot make the browser send the token that the API requires. JSON that
    depends on a cookie, such as `/health?verbose` and the admin's suggestions, is gzipped as pages are.
    """

    def process_response(self, request: HttpRequest, response: Any) -> HttpResponseBase:
        is_accepted = ACCEPTS_BROTLI.search(request.META.get("HTTP_ACCEPT_ENCODING", ""))
        if is_accepted and may_be_brotli(response):
            compressed = brotli.compress(response.content, quality=QUALITY)
            if len(compressed) < len(response.content):
                response.content = compressed
                response.headers["Content-Length"] = str(len(compressed))
                response.headers["Content-Encoding"] = "br"
                patch_vary_headers(response, ["Accept-Encoding"])
                if response.headers.get("ETag", "").startswith('"'):
                    response.headers["ETag"] = f"W/{response.headers['ETag']}"
        return super().process_response(request, response)


def may_be_brotli(response: Any) -> bool:
    return (
        response.headers.get("Content-Type", "").partition(";")[0].endswith("json")
        and not response.streaming
        and len(response.content) >= 200  # as Django
        and not response.has_header("Content-Encoding")
        and "Cookie" not in response.headers.get("Vary", "")
    )


class StaticFilesStorage(CompressedManifestStaticFilesStorage):
    """Whitenoise's, without brotli, which takes most of a minute for files that browsers keep."""

    def create_compressor(self, **options: Any) -> Compressor:
        return super().create_compressor(use_brotli=False, **options)
