"""URLs. Nothing under /api ends with a slash or redirects."""

from django.conf import settings
from django.contrib import admin
from django.urls import include, path, re_path
from django.utils.csp import CSP
from django.views.decorators.cache import cache_control
from django.views.decorators.csp import csp_override
from django.views.decorators.csrf import csrf_exempt
from django.views.generic import TemplateView
from drf_spectacular.views import SpectacularRedocView, SpectacularSwaggerSplitView

from . import frontend
from .api import not_found
from .health import HealthView
from .schema import SchemaView

# Both documentation pages have inline styles; ReDoc runs in a worker that it creates from a blob.
docs_csp = csp_override(
    settings.SECURE_CSP | {"style-src": [CSP.SELF, CSP.UNSAFE_INLINE], "worker-src": [CSP.SELF, "blob:"]}
)

favicon = cache_control(public=True, max_age=24 * 3600)(
    TemplateView.as_view(template_name="favicon.svg", content_type="image/svg+xml")
)

urlpatterns = [
    *([] if settings.FRONTEND_DIR else [path("", TemplateView.as_view(template_name="home.html"), name="home")]),
    path("health", HealthView.as_view(), name="health"),
    path("api/", include("accounts.api.urls")),
    path("api/", include("selections.api.urls")),
    path("api/", include("catalog.api.urls")),
    path("favicon.ico", favicon),
    path("", include("accounts.urls")),
    path("admin/", admin.site.urls),
    path("api/schema", SchemaView.as_view(), name="schema"),
    path("api/docs", docs_csp(SpectacularSwaggerSplitView.as_view()), name="docs"),
    path("api/redoc", docs_csp(SpectacularRedocView.as_view()), name="redoc"),
    # With DEBUG Django would answer with a page of its own, and check CSRF before that.
    re_path(r"^api(/.*)?\Z", csrf_exempt(not_found), name="not-found"),
    *(frontend.urls(settings.FRONTEND_DIR) if settings.FRONTEND_DIR else []),
]
handler400 = "wrong_opinions.api.bad_request"
handler404 = "wrong_opinions.api.not_found"
handler500 = "wrong_opinions.api.server_error"
