"""Templates and the files beside them.

Belongs here: the Jinja2 environment of a page, and its static files under names that change with
their content. Does not belong here: the templates of one page. `templates/layout.html.j2` and
`static/base.css` are shared by all pages.
"""

from __future__ import annotations

import hashlib
import mimetypes
from pathlib import Path
from typing import Final

import jinja2
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

_HERE: Final = Path(__file__).parent
_CACHED: Final = "public, max-age=31536000, immutable"


class StaticFiles:
    """The style sheets, scripts and pictures of a page, read once, cached by browsers for good.

    A file's URL holds a digest of its bytes, so a changed file is fetched anew.

    Args:
        folder: the page's own files; those of `fer_assets/web/static` are there, too.
    """

    def __init__(self, folder: Path) -> None:
        files = {
            file.name: file.read_bytes()
            for place in (_HERE / "static", folder)
            for file in sorted(place.iterdir())
            if file.is_file()
        }
        self._files = {name: (hashlib.sha256(d).hexdigest()[:12], d) for name, d in files.items()}

    def url(self, name: str) -> str:
        """Where the file is served; KeyError if there is none of that name."""
        return f"/static/{self._files[name][0]}/{name}"

    def route(self) -> Route:
        """The route that serves them."""
        return Route("/static/{digest}/{name}", self._serve, methods=["GET"])

    async def _serve(self, request: Request) -> Response:
        digest, data = self._files.get(request.path_params["name"], ("", b""))
        if not digest or digest != request.path_params["digest"]:
            return Response(status_code=404)
        kind = mimetypes.guess_type(request.path_params["name"])[0] or "application/octet-stream"
        return Response(data, media_type=kind, headers={"cache-control": _CACHED})


def environment(folder: Path, static: StaticFiles | None = None) -> jinja2.Environment:
    """Templates of `folder` on top of the shared ones.

    Everything is escaped, and a name that was not handed in is an error. `static(name)` in a
    template gives a static file's URL.

    Args:
        folder: the page's templates; its files win over the shared ones of the same name.
        static: the page's static files, if it has any.
    """
    found = jinja2.Environment(
        loader=jinja2.ChoiceLoader([
            jinja2.FileSystemLoader(folder), jinja2.FileSystemLoader(_HERE / "templates"),
        ]),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )  # fmt: skip
    if static is not None:
        found.globals["static"] = static.url
    return found
