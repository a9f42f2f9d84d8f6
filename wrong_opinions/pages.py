"""Django's middlewares for pages, without requests that ignore cookies: those of the API, and plain health checks."""

from django.contrib.auth import middleware as auth
from django.contrib.messages import middleware as messages
from django.contrib.sessions import middleware as sessions
from django.utils.deprecation import MiddlewareMixin


class PagesOnly(MiddlewareMixin):
    def __call__(self, request):
        is_health_check = request.path_info == "/health" and not request.META.get("QUERY_STRING")
        is_page = not (is_health_check or request.path_info.startswith("/api/"))
        return super().__call__(request) if is_page else self.get_response(request)


class SessionMiddleware(PagesOnly, sessions.SessionMiddleware):
    pass


class AuthenticationMiddleware(PagesOnly, auth.AuthenticationMiddleware):
    pass


class MessageMiddleware(PagesOnly, messages.MessageMiddleware):
    pass
