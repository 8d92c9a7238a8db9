"""A small OpenID provider on a port of this machine: whoever asks picks who to be."""

from __future__ import annotations

import base64
import hashlib
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from html import escape
from urllib.parse import urlencode

import uvicorn
from joserfc import jwt
from joserfc.jwk import RSAKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

SECONDS_TO_START = 20
SECONDS_OF_A_CODE = 60
# Subject and name. Two of them share an e-mail address, as when one was given to somebody else.
PEOPLE = {"1001": "Anna Archer", "1002": "Bea Baker"}
EMAIL = "lab@example.org"


@dataclass
class Provider:
    """What the provider knows: its client, its key, and the codes that it has given out."""

    issuer: str
    client_id: str = "needle"
    client_secret: str = field(default_factory=secrets.token_hex)
    key: RSAKey = field(
        default_factory=lambda: RSAKey.generate_key(2048, {"kid": "1", "use": "sig"})
    )
    codes: dict[str, dict[str, str]] = field(default_factory=dict)

    def secrets_file(self, app_url: str) -> str:
        """Return the text of a ``secrets.toml`` with which an app asks this provider."""
        return (
            "[auth]\n"
            f'redirect_uri = "{app_url}/oauth2callback"\n'
            f'cookie_secret = "{secrets.token_hex()}"\n'
            f'client_id = "{self.client_id}"\n'
            f'client_secret = "{self.client_secret}"\n'
            f'server_metadata_url = "{self.issuer}/.well-known/openid-configuration"\n'
        )

    def routes(self) -> list[Route]:
        return [
            Route("/.well-known/openid-configuration", self.metadata),
            Route("/jwks", self.jwks),
            Route("/authorize", self.authorize),
            Route("/token", self.token, methods=["POST"]),
            Route("/logout", self.logout),
        ]

    def metadata(self, request: Request) -> Response:
        return JSONResponse(
            {
                "issuer": self.issuer,
                "authorization_endpoint": f"{self.issuer}/authorize",
                "token_endpoint": f"{self.issuer}/token",
                "jwks_uri": f"{self.issuer}/jwks",
                "end_session_endpoint": f"{self.issuer}/logout",
                "response_types_supported": ["code"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["RS256"],
                "code_challenge_methods_supported": ["S256"],
            }
        )

    def jwks(self, request: Request) -> Response:
        return JSONResponse({"keys": [self.key.as_dict(private=False)]})

    def authorize(self, request: Request) -> Response:
        """Show a form with all people; once one was picked, lead back with a code."""
        asked = dict(request.query_params)
        if asked.get("client_id") != self.client_id or asked.get("response_type") != "code":
            return Response("unknown client", status_code=400)
        subject = asked.pop("subject", None)
        if subject not in PEOPLE:
            return HTMLResponse(_form(asked))
        code = secrets.token_urlsafe()
        self.codes[code] = asked | {
            "subject": subject,
            "until": str(time.time() + SECONDS_OF_A_CODE),
        }
        back = urlencode({"code": code, "state": asked["state"]})
        return RedirectResponse(f"{asked['redirect_uri']}?{back}", status_code=302)

    async def token(self, request: Request) -> Response:
        """Change a code, once, into a signed token that says who it is."""
        form = await request.form()
        asked = self.codes.pop(str(form.get("code")), None)
        if not (self._is_our_client(request) and asked and _is_same_request(asked, dict(form))):
            return JSONResponse({"error": "invalid_grant"}, status_code=400)
        now, subject = int(time.time()), asked["subject"]
        claims = {"iss": self.issuer, "aud": self.client_id, "sub": subject, "iat": now}
        claims |= {"exp": now + 3600, "nonce": asked["nonce"]}
        claims |= {"name": PEOPLE[subject], "email": EMAIL}
        token = jwt.encode({"alg": "RS256", "kid": "1"}, claims, self.key)
        return JSONResponse(
            {"access_token": secrets.token_hex(), "token_type": "Bearer", "id_token": token}
        )

    def logout(self, request: Request) -> Response:
        return RedirectResponse(request.query_params["post_logout_redirect_uri"], status_code=302)

    def _is_our_client(self, request: Request) -> bool:
        ours = base64.b64encode(f"{self.client_id}:{self.client_secret}".encode()).decode()
        return request.headers.get("authorization") == f"Basic {ours}"


def _form(asked: dict[str, str]) -> str:
    hidden = "".join(
        f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">'
        for name, value in asked.items()
    )
    buttons = "".join(
        f'<button name="subject" value="{subject}">{name}</button>'
        for subject, name in PEOPLE.items()
    )
    return f"<title>Who are you?</title><form>{hidden}{buttons}</form>"


def _is_same_request(asked: dict[str, str], form: dict) -> bool:
    """Whether a code comes back from whom it was given to (PKCE), in time."""
    digest = hashlib.sha256(str(form.get("code_verifier")).encode()).digest()
    challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
    return (
        float(asked["until"]) > time.time()
        and form.get("redirect_uri") == asked["redirect_uri"]
        and challenge == asked.get("code_challenge")
    )


@contextmanager
def running_provider(port: int) -> Iterator[Provider]:
    """Run a provider on a port of this machine, in a thread."""
    provider = Provider(f"http://localhost:{port}")
    app = Starlette(routes=provider.routes())
    server = uvicorn.Server(
        uvicorn.Config(app, host="localhost", port=port, log_level="warning", lifespan="off")
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    end = time.monotonic() + SECONDS_TO_START
    while not server.started and time.monotonic() < end:
        time.sleep(0.02)
    assert server.started, "the OpenID provider did not start"
    try:
        yield provider
    finally:
        server.should_exit = True
        thread.join(timeout=10)
