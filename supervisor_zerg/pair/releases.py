"""The releases of a pair, for clients and for the start of supervisord."""

from __future__ import annotations

from typing import Any, Optional

from ..core import errors
from ..core.pair_state import PairState
from ..core.reply import Reply
from .controller import PairController


def list_releases(controller: PairController) -> Reply[list[dict[str, Any]]]:
    """Answer with the structs of ``getReleases``, as of this moment."""
    reply: Reply[list[dict[str, Any]]] = controller.services.new_reply()

    def answer(observed: Optional[PairState]) -> None:
        try:
            reply.set(controller.releases.listed(observed or PairState(())))
        except errors.ZergError as refusal:
            reply.fail(refusal)

    controller.loop.task(controller.observe(), answer).start()
    return reply


def restore_links(controller: PairController) -> None:
    """The programs are about to be started: users stay on the release that they had."""
    releases = controller.releases
    if not releases.on:
        return
    programs = controller.services.programs
    starting = [program for program in controller.pair.programs if programs.autostarts(program)]
    for program, text in releases.restore(starting).items():
        controller.services.log("info", "link changed", program=program, reason=text)
    controller.goals.serves_first = releases.records.program
    controller.save_settings()
