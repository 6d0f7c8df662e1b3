"""The releases of one pair: what there is, which instance has which, and what became of each."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

from ..core import errors
from ..core.instance import Instance
from ..core.pair_config import PairConfig
from ..core.pair_state import PairState
from ..linux.releases import Entry, ReleaseFolder, shown
from .model import DeployState, Outcome
from .release_records import BAD, GOOD, ReleaseRecords, Verdict


class Assigned(NamedTuple):
    """What one instance has.

    `release` is what runs, or what it would boot if it does not run; `linked` is what it would
    boot. `problem` is a sentence for people, or empty.
    """

    release: str
    linked: str
    problem: str


NOTHING = Assigned("", "", "")


class Releases:
    """The releases of one pair.

    Args:
        stored: the records of earlier deploys, from the settings file.
    """

    def __init__(self, pair: PairConfig, stored: object) -> None:
        self.pair = pair
        self.folder = ReleaseFolder(pair)
        self.records = ReleaseRecords(stored if isinstance(stored, dict) else {})

    @property
    def on(self) -> bool:
        """Whether the pair has a folder of releases."""
        return bool(self.pair.releases)

    def require(self) -> None:
        """Raise BadOption if the pair has no folder of releases."""
        if not self.on:
            raise errors.BadOption(
                f"the pair {self.pair.name} has no 'releases', so a release cannot be named",
                f"set 'releases' in the [zerg:{self.pair.name}] section; without it 'zerg deploy'"
                " restarts with the code on disk, and 'zerg swap' returns to the parked instance",
            )

    def assigned(self, instance: Instance) -> Assigned:
        """Which release an instance has."""
        if not self.on:
            return NOTHING
        link = self.folder.link(instance.program)
        running = self.folder.running(instance.master or instance.pid) if instance.up else ""
        path = shown(self.folder.link_path(instance.program))
        problem = f"the link {path} of {instance.program} {link.problem}" if link.problem else ""
        if running and running != link.release and not problem:
            problem = (
                f"{instance.program} runs the release {running}, but its link {path} names"
                f" {link.release}, which its next start would load"
            )
        return Assigned(running or link.release, link.release, problem)

    def of(self, program: str) -> str:
        """The release that the link of a program names; empty if there is none."""
        return self.folder.link(program).release if self.on and program else ""

    def in_memory(self, instance: Instance, release: str) -> bool:
        """Whether an instance has a release loaded, so that it could serve it at once."""
        found = self.assigned(instance)
        loaded = instance.ready and instance.fully_paused
        return loaded and not found.problem and found.release == found.linked == release

    def find(self, text: str, force: bool) -> str:
        """The release that an operator names.

        Raises:
            ZergError: there is none of that name, or it is bad and `force` is not set.
        """
        self.require()
        release = self.folder.find(text)
        verdict = self.records.verdicts.get(release)
        if verdict is not None and verdict.state == BAD and not force:
            raise errors.BadRelease(
                f"the release {release} is bad: {verdict.reason or 'it was rolled back'}"
                f" (deploy {verdict.id} by {verdict.by})"
            )
        return release

    def previous(self, observed: PairState) -> str:
        """The good release that served before the one that serves.

        Raises:
            UnknownRelease: there is none.
        """
        self.require()
        serving = self.of(observed.serving)
        candidates = self.records.before(serving)
        candidates += [self.of(i.program) for i in observed.instances]
        for release in candidates:
            if release and release != serving and not self.records.is_bad(release):
                try:
                    return self.folder.find(release)
                except errors.UnknownRelease:
                    continue  # it was removed since
        raise errors.UnknownRelease(
            f"no good release is known that served before {serving or 'this one'}",
            "name one: 'zerg releases' lists them",
        )

    # what happens

    def note_serving(self, program: str) -> bool:
        """A program serves. Returns whether there is something new to be stored.

        A release that a deploy still watches does not count: it is not known to be good.
        """
        release = self.of(program) if program != self.records.trying else ""
        return bool(release) and self.records.note_serving(release, program, self._links())

    def _links(self) -> dict[str, str]:
        return {program: self.of(program) for program in self.pair.programs}

    def point(self, program: str, release: str, trying: bool) -> None:
        """Let the link of a stopped program name a release. `trying`: it is not known to be good.

        Raises:
            OSError: it cannot be done.
        """
        self.folder.point(program, release)
        self.records.links[program] = release
        self.records.trying = program if trying else ""

    def restore(self, starting: Collection[str]) -> dict[str, str]:
        """Correct the links before supervisord starts its programs.

        Returns:
            program -> what was done, as a sentence.
        """
        done: dict[str, str] = {}
        serving = self.records.serving
        for program in self.records.to_restore(self._links(), starting) if self.on else ():
            before = self.of(program)
            try:
                self.point(program, serving, False)
                done[program] = f"it has {serving}, which served last, instead of {before}"
            except OSError as error:
                done[program] = f"it keeps {before}: {error}"
        return done

    def note_end(self, state: DeployState, ident: str, by: str, aborted: bool) -> None:
        """A deploy or a roll-back has ended."""
        plan = state.plan
        self.records.trying = ""
        verdict = _verdict(state, aborted)
        if plan.release in ("", plan.old_release) or not verdict:
            return  # the same release in another process proves nothing about it
        records = self.records
        now = time.time()
        if verdict == GOOD:
            records.note_deployed(plan.old_release, plan.release)
            self.note_serving(plan.target)
        records.note_verdict(plan.release, Verdict(verdict, now, by, ident, state.reason))

    def note_rolled_back(self, release: str, ident: str, by: str) -> None:
        """An operator went back from a release."""
        if release:
            reason = f"rolled back by {by}"
            self.records.note_verdict(release, Verdict(BAD, time.time(), by, ident, reason))

    # the list

    def listed(self, observed: PairState) -> list[dict[str, Any]]:
        """The structs of ``getReleases``, the oldest first.

        Raises:
            ZergError: the folder cannot be read.
        """
        self.require()
        try:
            entries = list(self.folder.entries())
        except OSError as error:
            raise errors.UnknownRelease(
                f"{shown(self.folder.path)} cannot be read: {error.strerror}", "check 'releases'"
            ) from error
        holders: dict[str, list[str]] = {}
        for instance in observed.instances:
            holders.setdefault(self.assigned(instance).release, []).append(instance.program)
        known = {entry.name for entry in entries}
        gone = [Entry(n, "is gone", 0.0) for n in holders if n and n not in known]
        ordered = sorted([*gone, *entries], key=lambda entry: (entry.modified, entry.name))
        return [self._struct(entry, holders, observed.serving) for entry in ordered]

    def _struct(
        self, entry: Entry, holders: Mapping[str, list[str]], serving: str
    ) -> dict[str, Any]:
        verdict = self.records.verdicts.get(entry.name)
        programs = holders.get(entry.name, [])
        state = verdict.state if verdict else "never tried"
        return {
            "release": shown(entry.name),
            "state": "unusable" if entry.problem and not programs else state,
            "instances": programs,
            "serving": serving in programs,
            "at": float(verdict.at) if verdict else 0.0,
            "by": verdict.by if verdict else "",
            "id": verdict.id if verdict else "",
            "reason": entry.problem or (verdict.reason if verdict else ""),
            "modified": float(entry.modified),
        }


def _verdict(state: DeployState, aborted: bool) -> str:
    """GOOD, BAD, or an empty string if nothing is known about the release."""
    if state.outcome is None or not (state.release_started or state.plan.warm):
        return ""
    if state.outcome is Outcome.DEPLOYED:
        return GOOD
    if aborted and not state.had_traffic:
        return ""
    return "" if state.plan.warm else BAD
