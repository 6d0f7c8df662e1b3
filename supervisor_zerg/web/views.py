"""What can be read: the page, its JSON, its script and style, and the metrics.

A view of all pairs is made once for all who ask at about the same time, in short steps, so that
many pairs never hold supervisord's loop.
"""

from __future__ import annotations

import secrets
import time
import weakref
from collections import OrderedDict
from collections.abc import Callable, Iterator, MutableMapping, Sequence
from typing import TYPE_CHECKING, Any, Optional
from urllib.parse import parse_qs

from ..pair.status_query import SharedStatusQuery, StatusQuery
from . import metrics, page, templates
from .http import Pending, Request, Response

if TYPE_CHECKING:
    from ..pair.registry import Registry

STEP_S = 0.002  # of supervisord's loop for one piece of a view
MESSAGES = 64  # what came of the last actions, until it is shown
QUERY_CHARS = 100  # of what follows the question mark
SECURITY_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'self'; "
    "frame-ancestors 'none'",
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}
HTML = "text/html; charset=utf-8"
JSON = "application/json"
TEXT = "text/plain; charset=utf-8"
SCRIPT = "text/javascript; charset=utf-8"
STYLE = "text/css; charset=utf-8"

Infos = Sequence[Any]
Steps = Iterator[Optional[Any]]
"""Yields None after each step, and at the end the document."""


def response(code: int, body: bytes, kind: str, **headers: str) -> Response:
    return Response(code, body, {**SECURITY_HEADERS, "Content-Type": kind, **headers})


class Documents:
    """What was made of one query so far: by the name of a view its steps, and the document."""

    def __init__(self) -> None:
        self.steps: dict[str, Steps] = {}
        self.ready: dict[str, Any] = {}


class Views:
    """Responses to GET, by path."""

    def __init__(self, registry: Registry, tally: metrics.Tally, token: str) -> None:
        self._registry = registry
        self._services = registry.services
        self._tally = tally
        self._token = token
        self._generation = secrets.token_hex(8)
        self._queries = SharedStatusQuery(registry)
        self._documents: MutableMapping[StatusQuery, Documents] = weakref.WeakKeyDictionary()
        self._messages: OrderedDict[str, str] = OrderedDict()
        self.by_path: dict[str, Callable[[Request], Pending]] = {
            "/zerg.html": self._page,
            "/zerg.json": self._json,
            "/zerg/metrics": self._metrics,
            "/zerg.js": lambda request: self._file(templates.JS, SCRIPT),
            "/zerg.css": lambda request: self._file(templates.CSS, STYLE),
        }

    def keep_message(self, sentence: str) -> str:
        """Keep what came of an action for the page. Returns the name by which the page finds it.

        The sentence stays here, so that a URL made by somebody else can say nothing.
        """
        self._queries.forget()
        name = secrets.token_urlsafe(8)
        self._messages[name] = sentence
        if len(self._messages) > MESSAGES:
            self._messages.popitem(last=False)
        return name

    def _shared(
        self, name: str, make: Callable[[Infos], Steps], finish: Callable[[Any], Response]
    ) -> Pending:
        """A response that needs an observation of all pairs.

        Args:
            name: Of the view.
            make: Makes the document, once for all who share the observation.
            finish: Makes the response of the document.
        """
        self._registry.refresh()
        query = self._queries.get()
        documents = self._documents.setdefault(query, Documents())

        def poll() -> Response | None:
            infos = query.reply.value
            if infos is None:
                return None
            if name not in documents.ready:
                document = self._advance(documents.steps.setdefault(name, make(infos)))
                if document is None:
                    self._services.answered()
                    return None
                documents.ready[name] = document
            return finish(documents.ready[name])

        return poll

    def _advance(self, steps: Steps) -> Any | None:
        """Continue for STEP_S. Returns the document, or None if it is not complete."""
        end = self._services.loop.clock() + STEP_S
        while self._services.loop.clock() < end:
            document = next(steps)
            if document is not None:
                return document
        return None

    def _history(self, info: Any) -> Sequence[Any]:
        return self._services.history.last(info["pair"], page.HISTORY_LINES)

    def _page(self, request: Request) -> Pending:
        query = parse_qs(request.uri.partition("?")[2][:QUERY_CHARS])
        message = self._messages.get(query.get("said", [""])[0], "")

        def make(infos: Infos) -> Steps:
            return page.as_html(infos, self._history, time.time(), self._generation, self._token)

        return self._shared(
            "page", make, lambda pairs: response(200, page.as_page(pairs, message), HTML)
        )

    def _json(self, request: Request) -> Pending:
        def make(infos: Infos) -> Steps:
            return page.as_json(infos, self._history, time.time(), self._generation)

        return self._shared("json", make, lambda document: response(200, document, JSON))

    def _metrics(self, request: Request) -> Pending:
        if not metrics.is_available():
            return lambda: response(501, str(metrics.lacking()).encode(), TEXT)
        kind = metrics.content_type()
        return self._shared(
            "metrics",
            lambda infos: metrics.parts(infos, self._tally),
            lambda text: response(200, text.encode(), kind),
        )

    def _file(self, name: str, kind: str) -> Pending:
        return lambda: response(200, templates.asset(name), kind)
