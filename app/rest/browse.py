"""Two pages about the endpoints for people, Swagger UI and ReDoc, from files that `make rest-pages` builds."""

from pathlib import Path
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

DIRECTORY: Final = Path(__file__).parent / "static"
PATHS: Final = ("/docs", "/redoc")
FILES: Final = "/docs/files"
_MISSING: Final = (
    b"This page is not built: run `make rest-pages` (needs npm), then reload it. /openapi.json works without.\n"
)


def page_routes() -> list[BaseRoute]:
    """The two pages and the files that they load."""
    pages: list[BaseRoute] = [Route(path, _page) for path in PATHS]
    return [*pages, Mount(FILES, StaticFiles(directory=DIRECTORY, check_dir=False))]


async def _page(request: Request) -> Response:
    page = DIRECTORY / f"{request.url.path.strip('/')}.html"
    headers = {"cache-control": "no-store"}
    if not page.is_file():
        return Response(_MISSING, 503, headers=headers, media_type="text/plain")
    return Response(page.read_bytes(), headers=headers, media_type="text/html")
