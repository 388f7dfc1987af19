"""The review page's routes.

Belongs here: requests to calls of the desk, and answers to templates. Does not belong here: what
is asked and what a decision does (`desk.py`), words and looks (`templates/`, `static/`).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from pathlib import Path
from typing import Any, Final, cast

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from fer_assets.errors import FerError
from fer_assets.identities.review.access import Access
from fer_assets.identities.review.desk import ReviewDesk, StaleQuestionError
from fer_assets.identities.review.items import Choice, ReviewItem
from fer_assets.identities.review.pictures import Pictures
from fer_assets.web.errors import PageError
from fer_assets.web.forms import read_form
from fer_assets.web.guards import LOOPBACK_HOSTS, Guards
from fer_assets.web.templating import StaticFiles, environment

_HERE: Final = Path(__file__).parent
_MARK: Final = "face-"
Handler = Callable[[Request], Awaitable[Response]]


class ReviewPage:
    """The page of one challenge.

    Args:
        name: the challenge's name for people.
        command: what carries the corrections out.
        desk: the curator's desk.
        pictures: crops.
        access: who may enter.
        cookie: name of the session's cookie; another for each server, since browsers share
            cookies between ports.
    """

    def __init__(
        self,
        name: str,
        command: str,
        desk: ReviewDesk,
        pictures: Pictures,
        access: Access,
        cookie: str = "fer-review",
    ) -> None:
        self.name, self.command, self.cookie = name, command, cookie
        self.desk, self.pictures, self.access = desk, pictures, access
        self._static = StaticFiles(_HERE / "static")
        self._templates = environment(_HERE / "templates", self._static)
        self._templates.globals["handle"] = access.handle
        self._templates.filters["clock"] = clock
        self._by_handle: dict[str, str] = {}
        self._handles_for = ""

    def app(self, hosts: Collection[str] | None = LOOPBACK_HOSTS) -> ASGIApp:
        """The guarded application; `hosts` are the names it goes by, None for any."""
        routes = [
            Route("/enter/{token}", self._safely(self._enter), methods=["GET"]),
            Route("/", self._safely(self._question), methods=["GET"]),
            Route("/decide", self._safely(self._decide), methods=["POST"]),
            Route("/undo", self._safely(self._undo), methods=["POST"]),
            Route("/queue", self._safely(self._queue), methods=["GET"]),
            Route("/lists", self._safely(self._lists), methods=["GET"]),
            Route("/faces/{handle}", self._safely(self._face), methods=["GET"]),
            self._static.route(),
        ]
        return Guards(Starlette(routes=routes), hosts=hosts)

    def _page(self, template: str, status: int = 200, **values: Any) -> HTMLResponse:
        page = {"name": self.name, "command": self.command, **values}
        return HTMLResponse(self._templates.get_template(template).render(page), status)

    def _safely(self, handler: Handler) -> Handler:
        """What goes wrong in a way a person can mend becomes a page that says so."""

        async def handle(request: Request) -> Response:
            try:
                return await handler(request)
            except PageError as error:
                return self._refusal(error, error.status)
            except StaleQuestionError as error:
                return self._refusal(error, 409)
            except FerError as error:
                return self._refusal(error, 422)
            except OSError as error:
                full = FerError(
                    "That could not be saved",
                    found=str(error.strerror or "an error of the disk"),
                    remedy="Make room or give access, then decide again.",
                )
                return self._refusal(full, 507)

        return handle

    def _refusal(self, error: FerError, status: int) -> Response:
        is_inside = status not in {401, 403}
        return self._page("refused.html.j2", status, error=error, is_inside=is_inside)

    def _session(self, request: Request) -> str:
        return self.access.session(request.cookies.get(self.cookie))

    async def _form(self, request: Request) -> dict[str, str]:
        session = self._session(request)
        fields = await read_form(request)
        self.access.check_form(session, fields.get("csrf"))
        return fields

    async def _enter(self, request: Request) -> Response:
        try:
            self._session(request)
        except PageError:
            cookie = self.access.enter(request.path_params["token"])
        else:
            return RedirectResponse("/", 303)  # the same browser again: its session still holds
        response = RedirectResponse("/", 303)
        is_https = request.url.scheme == "https"
        response.set_cookie(self.cookie, cookie, httponly=True, samesite="strict", secure=is_https)
        return response

    async def _question(self, request: Request) -> Response:
        session = self._session(request)
        values = await run_in_threadpool(self._state, session)
        items: list[ReviewItem] = values["items"]
        if not items:
            return self._page("done.html.j2", **values)
        wanted = request.query_params.get("item")
        at = next((k for k, item in enumerate(items) if item.item_id == wanted), 0)
        return self._page(
            "question.html.j2",
            item=items[at],
            number=at + 1,
            before=items[at - 1].item_id if at else None,
            after=items[at + 1].item_id if at + 1 < len(items) else None,
            **values,
        )

    async def _queue(self, request: Request) -> Response:
        values = await run_in_threadpool(self._state, self._session(request))
        return self._page("queue.html.j2", **values)

    async def _lists(self, request: Request) -> Response:
        values = await run_in_threadpool(self._state, self._session(request))
        return self._page("lists.html.j2", **values)

    def _state(self, session: str) -> dict[str, Any]:
        desk = self.desk
        return {
            "items": desk.open_items(),
            "lists": desk.material().lists,
            "n_decided": desk.n_decided(),
            "n_waiting": desk.n_waiting(),
            "last": desk.last(),
            "csrf": self.access.form_token(session),
        }

    async def _decide(self, request: Request) -> Response:
        fields = await self._form(request)
        handles = {name.removeprefix(_MARK) for name in fields if name.startswith(_MARK)}
        item_id, choice = fields.get("item", ""), fields.get("choice", "")

        def decide() -> None:
            marked = self._faces(handles)
            self.desk.decide(item_id, cast(Choice, choice), marked)

        await run_in_threadpool(decide)
        # On with the question that came after this one, if it is still open.
        after = fields.get("after", "")
        return RedirectResponse(f"/?item={after}" if after.isalnum() else "/", 303)

    async def _undo(self, request: Request) -> Response:
        await self._form(request)
        undone = await run_in_threadpool(self.desk.undo)
        return RedirectResponse(f"/?item={undone.item_id}" if undone else "/", 303)

    async def _face(self, request: Request) -> Response:
        self._session(request)

        def read() -> bytes | None:
            faces = self._faces({request.path_params["handle"]})
            return self.pictures.crop(faces[0]) if faces else None

        data = await run_in_threadpool(read)
        if data is None:
            raise PageError("There is no such picture", status=404)
        return Response(data, media_type="image/jpeg", headers={"cache-control": "no-store"})

    def _faces(self, handles: Collection[str]) -> list[str]:
        """The faces on the page now that these handles stand for."""
        material = self.desk.material()
        if self._handles_for != material.version:
            known = {self.access.handle(face_id): face_id for face_id in material.faces()}
            self._by_handle, self._handles_for = known, material.version
        known = self._by_handle
        return sorted(known[handle] for handle in handles if handle in known)


def clock(seconds: float) -> str:
    """A time in a video as people write it: 1:07.5."""
    minutes, rest = divmod(round(seconds * 10), 600)
    return f"{minutes}:{rest / 10:04.1f}"
