"""The view of the OpenAPI document."""

import hashlib
import threading
from functools import cache

from django.http import HttpResponse
from django.utils.decorators import method_decorator
from django.views.decorators.cache import cache_control
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.renderers import OpenApiJsonRenderer
from drf_spectacular.utils import extend_schema
from rest_framework.permissions import AllowAny
from rest_framework.views import APIView

lock = threading.Lock()


@cache
def document() -> tuple[bytes, str]:
    """The document and its ETag. Call it under `lock`: drf-spectacular's generator is not safe in threads."""
    content = OpenApiJsonRenderer().render(SchemaGenerator().get_schema(request=None, public=True))
    return content, f'"{hashlib.sha256(content).hexdigest()[:32]}"'


@method_decorator(cache_control(public=True, no_cache=True), name="dispatch")
class SchemaView(APIView):
    """The OpenAPI document, built once per process."""

    authentication_classes = []
    permission_classes = [AllowAny]

    @extend_schema(exclude=True)
    def get(self, request):
        with lock:
            content, etag = document()
        return HttpResponse(content, content_type=OpenApiJsonRenderer.media_type, headers={"ETag": etag})
