"""Headers for browsers: what a page may do, and which other pages may call."""

from flask import Blueprint, Flask, Response, request

PAGE = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'self'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-cache",
}
PREFLIGHT = {
    "Access-Control-Allow-Methods": "GET, POST",
    "Access-Control-Allow-Headers": "Authorization, Content-Type, X-Request-Id, X-Sticky-Key",
    "Access-Control-Max-Age": "600",
}


def secure(pages: Blueprint) -> Blueprint:
    "Let the pages of a blueprint load only what this server itself holds."

    def add(response: Response) -> Response:
        response.headers.update(PAGE)
        return response

    pages.after_request(add)
    return pages


def allow_origins(app: Flask, origins: list[str]) -> None:
    "Let pages of these origins call; must be installed before tokens, which a preflight does not carry."

    def preflight() -> Response | None:
        asked = request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers
        return Response(status=204, headers=PREFLIGHT) if asked else None

    def add(response: Response) -> Response:
        response.headers.add("Vary", "Origin")
        if (origin := request.headers.get("Origin")) in origins:
            response.headers["Access-Control-Allow-Origin"] = origin
            response.headers["Access-Control-Expose-Headers"] = "X-Request-Id"
        return response

    app.before_request(preflight)
    app.after_request(add)
