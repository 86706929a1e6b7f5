"""What a browser is told to refuse on our pages."""

from flask import Flask, Response, request
from flask.sessions import SecureCookieSessionInterface

POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self' blob:",  # blob: the preview of a picture that is not sent yet
    "connect-src": "'self'",
    "form-action": "'self'",
    "base-uri": "'none'",
    "frame-ancestors": "'none'",
}
# Strict-Transport-Security is not here: only who ends TLS knows whether a name is ready for it.
HEADERS = {
    "Content-Security-Policy": "; ".join(f"{name} {value}" for name, value in POLICY.items()),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}


class SchemeAwareSessions(SecureCookieSessionInterface):
    """The cookie is ``Secure`` wherever the visitor came by HTTPS, so plain HTTP works too."""

    def get_cookie_secure(self, app: Flask) -> bool:
        return request.is_secure


def init_security(app: Flask) -> None:
    app.session_interface = SchemeAwareSessions()

    @app.after_request
    def add(response: Response) -> Response:
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        return response
