"""The page's routes.

Belongs here: HTTP: which path does what, cookies, status codes. Does not belong here: rules
(`desk.py`), what is shown (`views.py`), the server (`web/serving.py`).

==========================  ================================================================
GET, POST /enter/TOKEN      consent; the session starts
GET /instructions           what to do, examples, keys
GET /face                   the face in hand and the next question (answers so far in the query)
GET /picture/TASK           its picture
POST /answer, /skip         the face is done; on to the next
POST /flag                  report the face, keep it
POST /undo                  take the last one back
POST /pause, /resume        stop and start the clock
GET /me                     time, pay, answers
GET, POST /withdraw         remove all answers
POST /leave                 the session ends
==========================  ================================================================

Forms answer with 303, so that reloading repeats nothing; what is refused says why with a 4xx, and
a full disk with 507 and a button that sends the same form again.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from fer_assets.labels.page.collecting import Collector
from fer_assets.labels.page.desk import Desk, RefusedError
from fer_assets.labels.page.faces import FacePictures
from fer_assets.labels.page.group_commit import DeskThread, Kind
from fer_assets.labels.page.invitations import Invitation, admit, note_consent, still_admitted
from fer_assets.labels.page.report import work_report
from fer_assets.labels.page.sessions import Session, Sessions
from fer_assets.labels.page.views import Views
from fer_assets.web.errors import PageError
from fer_assets.web.forms import parse_fields, read_form
from fer_assets.web.guards import Guards

T = TypeVar("T")

_OWN_FIELDS = frozenset({"csrf", "task", "attempt"})


class LabellingPage:
    """The page of one challenge.

    Args:
        desk: the desk's thread; closed when the server ends.
        pictures: where crops come from.
        sessions: cookies.
        views: templates.
        collector: hands answers on.
        hosts: names the server goes by; None for any.
    """

    def __init__(
        self,
        desk: DeskThread,
        pictures: FacePictures,
        sessions: Sessions,
        views: Views,
        collector: Collector,
        hosts: Collection[str] | None = None,
    ) -> None:
        self.desk = desk
        self.pictures = pictures
        self.sessions = sessions
        self.views = views
        self.collector = collector
        self.hosts = hosts

    def app(self) -> ASGIApp:
        """The ASGI application, guarded."""
        get, post = ["GET"], ["POST"]
        routes = [
            Route("/", self._home, methods=get),
            Route("/enter/{token}", self._welcome, methods=get),
            Route("/enter/{token}", self._enter, methods=post),
            Route("/instructions", self._instructions, methods=get),
            Route("/face", self._face, methods=get),
            Route("/picture/{task}", self._picture, methods=get),
            Route("/answer", self._answer, methods=post),
            Route("/skip", self._skip, methods=post),
            Route("/flag", self._flag, methods=post),
            Route("/undo", self._undo, methods=post),
            Route("/pause", self._pause, methods=post),
            Route("/resume", self._resume, methods=post),
            Route("/me", self._me, methods=get),
            Route("/withdraw", self._confirm_withdrawal, methods=get),
            Route("/withdraw", self._withdraw, methods=post),
            Route("/leave", self._leave, methods=post),
            self.views.static.route(),
        ]
        # Starlette's types ask every handler to take any exception.
        handlers: dict[Any, Any] = {PageError: self._refused, HTTPException: self._http_error}
        app = Starlette(routes=routes, exception_handlers=handlers, lifespan=self._lifespan)
        return Guards(app, hosts=self.hosts)

    async def _home(self, request: Request) -> Response:
        self.sessions.read(request)
        return _to("/face")

    async def _welcome(self, request: Request) -> Response:
        invitation = await self._admit(request)
        return self._html("enter.html.j2", is_known=invitation.consented_s is not None)

    async def _enter(self, request: Request) -> Response:
        invitation = await self._admit(request)
        form = await read_form(request)
        is_known = invitation.consented_s is not None
        if not is_known:
            if form.get("consent") != "yes":
                raise RefusedError(
                    "Without your consent nothing starts", status=422,
                    remedy="Go back and tick the box if you agree.",
                )  # fmt: skip
            await self._at_desk(lambda d: note_consent(d.book, invitation.worker), "write")
        response = _to("/face" if is_known else "/instructions")
        left_s = invitation.expires_s - await self._at_desk(lambda d: d.book.clock())
        self.sessions.start(response, invitation.worker, left_s)
        return response

    async def _instructions(self, request: Request) -> Response:
        await self._for(request, lambda desk, session: None)
        return self._html("instructions.html.j2")

    async def _face(self, request: Request) -> Response:
        session = self.sessions.read(request)
        screen = await self._for(request, lambda d, s: d.look(s.worker))
        if screen is None:
            screen = await self._for(request, lambda d, s: d.deal(s.worker), "write")
        csrf = self.sessions.csrf(session)
        if screen is None:
            n_done = await self._for(request, lambda d, s: d.n_done(s.worker))
            return self._html("done.html.j2", csrf=csrf, n_done=n_done)
        if screen.is_paused:
            return self._html("paused.html.j2", csrf=csrf)
        progress = await self._at_desk(lambda d: d.progress())
        query = parse_fields(request.url.query.encode())
        return HTMLResponse(self.views.face(screen, progress, csrf, query))

    async def _picture(self, request: Request) -> Response:
        task = request.path_params["task"]
        await self._for(request, lambda d, s: d.held_face(s.worker, task))
        face = await self._at_desk(lambda d: d.board.face(task))
        jpeg = await asyncio.to_thread(self.pictures.jpeg, face) if face else None
        if jpeg is None:
            raise HTTPException(404)
        return Response(jpeg, media_type="image/jpeg")

    async def _answer(self, request: Request) -> Response:
        session, form = await self._form(request)
        task, attempt = form.get("task", ""), _attempt(form)
        optional = {q.id for q in self.views.questionnaire.questions if not q.is_required}
        answers = {
            name: value
            for name, value in form.items()
            if name not in _OWN_FIELDS and not (value == "" and name in optional)
        }
        await self._save(request, lambda d: d.answer(session.worker, task, attempt, answers))
        return _to("/face")

    async def _skip(self, request: Request) -> Response:
        session, form = await self._form(request)
        task, attempt = form.get("task", ""), _attempt(form)
        reason, comment = form.get("reason", ""), form.get("comment", "")
        await self._save(request, lambda d: d.skip(session.worker, task, attempt, reason, comment))
        return _to("/face")

    async def _flag(self, request: Request) -> Response:
        session, form = await self._form(request)
        task, reason, comment = (form.get(name, "") for name in ("task", "reason", "comment"))
        await self._save(request, lambda d: d.flag(session.worker, task, reason, comment))
        return _to("/face")

    async def _undo(self, request: Request) -> Response:
        session, _ = await self._form(request)
        if not await self._save(request, lambda d: d.undo(session.worker)):
            raise RefusedError(
                "There is nothing to take back", status=409, remedy="Go on with the next face."
            )
        return _to("/face")

    async def _pause(self, request: Request) -> Response:
        session, _ = await self._form(request)
        await self._save(request, lambda d: d.pause(session.worker))
        return _to("/face")

    async def _resume(self, request: Request) -> Response:
        session, _ = await self._form(request)
        await self._save(request, lambda d: d.resume(session.worker))
        return _to("/face")

    async def _me(self, request: Request) -> Response:
        session = self.sessions.read(request)
        rate = self.views.settings.pay_per_hour
        report = await self._for(request, lambda d, s: work_report(d.book, s.worker, rate))
        assert report is not None  # the invitation was found a moment ago
        return HTMLResponse(self.views.me(report, self.sessions.csrf(session)))

    async def _confirm_withdrawal(self, request: Request) -> Response:
        session = self.sessions.read(request)
        n_done = await self._for(request, lambda d, s: d.n_done(s.worker))
        return self._html("withdraw.html.j2", csrf=self.sessions.csrf(session), n_done=n_done)

    async def _withdraw(self, request: Request) -> Response:
        session, form = await self._form(request)
        if form.get("sure") != "yes":
            raise RefusedError(
                "Nothing was removed",
                status=422,
                remedy="Tick the box to confirm that you mean it.",
            )
        await self._for(request, lambda d, s: d.book.forget_worker(session.worker), "alone")
        self.collector.note_change()
        await self.collector.now()
        response = self._html("withdrawn.html.j2")
        self.sessions.end(response)
        return response

    async def _leave(self, request: Request) -> Response:
        session, _ = await self._form(request)
        await self._save(request, lambda d: d.pause(session.worker))
        response = self._html("left.html.j2")
        self.sessions.end(response)
        return response

    async def _admit(self, request: Request) -> Invitation:
        token = request.path_params["token"]
        return await self._at_desk(lambda d: admit(d.book, token))

    async def _form(self, request: Request) -> tuple[Session, dict[str, str]]:
        """Who sent which form, after checking that this page gave it to them."""
        session = self.sessions.read(request)
        form = await read_form(request)
        request.state.form = form
        self.sessions.check(session, form.get("csrf"))
        return session, form

    async def _save(self, request: Request, work: Callable[[Desk], T]) -> T:
        result = await self._for(request, lambda d, s: work(d), "write")
        self.collector.note_change()
        return result

    async def _for(
        self, request: Request, work: Callable[[Desk, Session], T], kind: Kind = "read"
    ) -> T:
        """Do something at the desk for whoever sent the request, if they are still let in."""
        session = self.sessions.read(request)

        def checked(desk: Desk) -> T:
            still_admitted(desk.book, session.worker)
            return work(desk, session)

        return await self._at_desk(checked, kind)

    async def _at_desk(self, work: Callable[[Desk], T], kind: Kind = "read") -> T:
        return await asyncio.wrap_future(self.desk.submit(work, kind))

    def _html(self, template: str, status: int = 200, **values: object) -> Response:
        return HTMLResponse(self.views.render(template, **values), status)

    async def _refused(self, request: Request, error: PageError) -> Response:
        # what was not saved for want of room can be sent again as it was
        again = getattr(request.state, "form", None) if error.status == 507 else None
        return self._html(
            "refused.html.j2", error.status, thing=error.thing, remedy=error.remedy,
            is_known=error.status not in {401, 403}, path=request.url.path, again=again,
        )  # fmt: skip

    async def _http_error(self, request: Request, error: HTTPException) -> Response:
        del request
        thing = "There is no such page" if error.status_code == 404 else error.detail
        return self._html(
            "refused.html.j2", error.status_code, thing=thing, remedy="", is_known=True, path="",
            again=None,
        )  # fmt: skip

    @asynccontextmanager
    async def _lifespan(self, app: Starlette) -> AsyncIterator[None]:
        del app
        looking = asyncio.create_task(self.collector.run())
        try:
            yield
        finally:
            looking.cancel()
            await self.collector.now()
            await asyncio.to_thread(self.desk.close)


def _to(path: str) -> RedirectResponse:
    return RedirectResponse(path, 303)


def _attempt(form: dict[str, str]) -> int:
    text = form.get("attempt", "")
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise RefusedError("This form is incomplete", remedy="Nothing was saved. Open it again.")
    return int(text)
