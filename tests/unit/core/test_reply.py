import pytest

from supervisor_zerg.core import errors
from supervisor_zerg.core.reply import Reply


def test_a_reply_is_pending_until_it_is_set_and_then_stays_so():
    notified = []
    reply = Reply(lambda: notified.append(True))
    assert reply.pending and reply.result() is None
    reply.set(1)
    reply.set(2)
    reply.fail(errors.Busy("late"))
    assert not reply.pending and reply.result() == 1 and len(notified) == 1


def test_a_refusal_is_raised():
    reply = Reply()
    reply.fail(errors.Busy("taken"))
    with pytest.raises(errors.Busy, match="taken"):
        reply.result()
