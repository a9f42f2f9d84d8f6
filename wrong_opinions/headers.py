"""Headers for caches and browsers, unless a view sets its own."""

FEATURES = (  # known by Chromium, which warns about others
    "accelerometer autoplay camera clipboard-read clipboard-write display-capture encrypted-media fullscreen "
    "gamepad geolocation gyroscope hid idle-detection local-fonts magnetometer microphone midi otp-credentials payment "
    "picture-in-picture publickey-credentials-create publickey-credentials-get screen-wake-lock serial storage-access "
    "usb window-management xr-spatial-tracking"
)
PERMISSIONS_POLICY = ", ".join(f"{feature}=()" for feature in FEATURES.split())


class Headers:
    """Keep responses out of shared caches, turn browser features off on pages, and tell clients what is left of a limit
    that counted their request (IETF draft-ietf-httpapi-ratelimit-headers)."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        response = self.get_response(request)
        response.headers.setdefault("Cache-Control", "private, no-cache")
        if response.headers.get("Content-Type", "").startswith("text/html"):
            response.headers.setdefault("Permissions-Policy", PERMISSIONS_POLICY)
        if attempts := getattr(request, "counted_attempts", None):
            rate_limit, policy = zip(*(attempt.fields() for attempt in attempts), strict=True)
            response.headers["RateLimit"] = ", ".join(rate_limit)
            response.headers["RateLimit-Policy"] = ", ".join(policy)
        return response
