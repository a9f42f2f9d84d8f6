"""How large the body of a request may be: the server receives no more, and Django reads none that is larger."""

from django.conf import settings


def max_body(path: str) -> int:
    """Bytes that the address accepts: more where files are imported."""
    is_import = path == "/api/import" or (path.startswith("/admin/") and path.endswith("/import/"))
    return int(settings.IMPORT_MAX_MB * 1_000_000) if is_import else settings.DATA_UPLOAD_MAX_MEMORY_SIZE
