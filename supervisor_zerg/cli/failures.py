"""What a command says about a failure, and its exit status. Pure."""

import http.client
import re
import xmlrpc.client
from xml.parsers.expat import ExpatError

from supervisor.xmlrpc import Faults

from ..core import errors
from . import help

NO_NAMESPACE = "'[rpcinterface:zerg]' is not configured in the supervisord at %s, or is too old; mend that and restart supervisord"
NO_PASSWORD = "the supervisord at %s wants another username and password; give -u and -p, or set them in [supervisorctl]"
HINT_RIGHTS = "may this user open it?"
HINT_SERVER = "does it run, with a [unix_http_server] or [inet_http_server]?"
BUG = "%s: %s; a bug of supervisor_zerg, or this command and supervisord have different versions of it"


def failure(error, url):
    """What to say about an exception. :returns: (sentence, exit status); SERVED if it depends on whether somebody serves."""
    if isinstance(error, help.UsageError):
        return str(error), errors.ARGUMENTS
    if isinstance(error, xmlrpc.client.Fault):
        return _fault(error, url)
    if isinstance(error, xmlrpc.client.ProtocolError):
        return _protocol(error, url)
    if isinstance(
        error, (OSError, http.client.HTTPException, ExpatError, xmlrpc.client.ResponseError)
    ):
        hint = HINT_RIGHTS if isinstance(error, PermissionError) else HINT_SERVER
        return (
            f"supervisord cannot be reached at {url}: {str(error) or type(error).__name__}; {hint}",
            errors.UNREACHABLE,
        )
    return BUG % (type(error).__name__, error), errors.SERVED


def _fault(fault, url):
    if fault.faultCode == Faults.UNKNOWN_METHOD:
        return NO_NAMESPACE % url, errors.UNREACHABLE
    refusal = errors.BY_CODE.get(fault.faultCode)
    if refusal is None:
        return fault.faultString, errors.SERVED
    sentence = re.sub(r"^[A-Z_]+: ", "", fault.faultString)
    return f"{sentence} ({refusal.name})", refusal.exit_status


def _protocol(error, url):
    if error.errcode == http.client.UNAUTHORIZED:
        return NO_PASSWORD % url, errors.UNREACHABLE
    return "the supervisord at %s answered HTTP %d %s; see its log" % (
        url,
        error.errcode,
        error.errmsg,
    ), errors.SERVED


def concerned(infos, words):
    """The pairs that a call is about; all of them if that cannot be told."""
    program = words.get("PROGRAM", "").rpartition(":")[2]
    chosen = [
        i
        for i in infos
        if i["pair"] == words.get("PAIR")
        or program
        and program in (_bare(c) for c in i["instances"])
    ]
    return chosen or infos


def _bare(instance):
    return instance["program"].rpartition(":")[2]
