"""The explorer: GraphiQL from local files; in development also tokens of the demo's roles, for its role picker.

Development serves it to everybody. Production serves it at the origins of BILLING_EXPLORER_ORIGINS only, so not under
an address that somebody else's name server gives this machine. The page itself holds nothing of the installation: what
it shows is read with the caller's token, the schema (`schema_text.py`) by the permission that introspection needs.
"""

from ipaddress import ip_address
from pathlib import Path
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from app.auth.roles import ROLES
from app.runtime.build import development_keys
from app.runtime.settings import LOOPBACK, Settings
from app.transport.requests import SITE
from app.web.browser_policy import PAGE_POLICY
from app.web.origins import Origins

# Built by `make explorer`.
DIRECTORY: Final = Path(__file__).parent / "static"
PATH: Final = "/graphql/explorer"
MISSING: Final = b"GraphiQL is not built: run `make explorer` (needs npm), then reload this page.\n"
_NO_STORE: Final = {"Cache-Control": "no-store"}
# The page shows which it is, and asks for the demo's tokens only in development.
_MODE: Final = b'data-mode="production"'


class Explorer:
    """The page, its files and the tokens, as far as the settings allow them."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._origins = Origins(settings.explorer_origins, has_loopback=False)

    def page(self, request: Request) -> Response | None:
        """The page, 503 with what to do if it is not built, or None where it is not served."""
        if not self._is_served_at(request):
            return None
        headers = {"Content-Security-Policy": PAGE_POLICY, **_NO_STORE}
        file = DIRECTORY / "index.html"
        if not file.is_file():
            return Response(MISSING, 503, headers=headers, media_type="text/plain")
        text = file.read_bytes()
        if self._settings.is_development:
            text = text.replace(_MODE, b'data-mode="development"', 1)
        return Response(text, headers=headers, media_type="text/html")

    def routes(self) -> list[BaseRoute]:
        """Those of the page's files and of the tokens."""
        found: list[BaseRoute] = []
        if self._settings.is_development:
            found.append(Route(f"{PATH}/callers", self._callers))
        if DIRECTORY.is_dir() and (self._settings.is_development or self._origins):
            found.append(Mount(PATH, _Files(self)))
        return found

    def check(self, request: Request) -> None:
        """404 where the page is not served."""
        if not self._is_served_at(request):
            raise HTTPException(404)

    def _is_served_at(self, request: Request) -> bool:
        origin = f"{request.url.scheme}://{request.headers.get('host', '')}"
        return self._settings.is_development or self._origins.allow(origin)

    async def _callers(self, request: Request) -> Response:
        """A token for each role of the demo, for the page itself on this machine; 404 for everybody else."""
        if not _is_own_page(request):
            raise HTTPException(404)
        from app.demo.parties import scope_of_role  # noqa: PLC0415 - nothing else that serves needs the demo

        keys, audience = development_keys(self._settings), self._settings.oidc_audience
        callers = [
            {"role": role, "token": keys.sign(audience=audience, role=role, **scope_of_role(role))} for role in ROLES
        ]
        return JSONResponse(callers, headers=_NO_STORE)


class _Files(StaticFiles):
    def __init__(self, explorer: Explorer) -> None:
        super().__init__(directory=DIRECTORY)
        self._explorer = explorer

    async def get_response(self, path: str, scope: Scope) -> Response:
        self._explorer.check(Request(scope))
        return await super().get_response(path, scope)


def _is_own_page(request: Request) -> bool:
    """Whether the gateway's own page asks, in a browser of this machine: no page of another site, nor one under a name
    that merely leads here. Browsers set the header themselves."""
    client = request.client.host if request.client else ""
    is_here = bool(client) and ip_address(client).is_loopback
    return is_here and request.url.hostname in LOOPBACK and request.headers.get(SITE) == "same-origin"
