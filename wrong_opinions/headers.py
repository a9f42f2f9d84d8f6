"""What answers say to caches and browsers where their views say nothing."""

FEATURES = (  # that Chromium knows: it warns of others
    "accelerometer autoplay camera clipboard-read clipboard-write display-capture encrypted-media fullscreen "
    "gamepad geolocation gyroscope hid idle-detection local-fonts magnetometer microphone midi otp-credentials payment "
    "picture-in-picture publickey-credentials-create publickey-credentials-get screen-wake-lock serial storage-access "
    "usb window-management xr-spatial-tracking"
)
PERMISSIONS_POLICY = ", ".join(f"{feature}=()" for feature in FEATURES.split())


class Headers:
    """Middleware: keeps answers out of shared caches, and features of browsers off pages."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        response = self.get_response(request)
        response.headers.setdefault("Cache-Control", "private, no-cache")
        if response.headers.get("Content-Type", "").startswith("text/html"):
            response.headers.setdefault("Permissions-Policy", PERMISSIONS_POLICY)
        return response
