"""Text of an option of ``[zerg:NAME]`` -> its value. Pure.

Each parser raises ValueError with a clause that follows the name of the option in a message.
"""

from __future__ import annotations

import ipaddress
import shlex

PROGRAM_NAME = "%(program_name)s"
TRUE = ("1", "true", "yes", "on")
FALSE = ("0", "false", "no", "off")


def programs(text: str) -> tuple[str, ...]:
    names = tuple(_program(name.strip()) for name in text.split(",") if name.strip())
    if len(names) != 2:
        raise ValueError(f"must name two programs, {text!r} names {len(names)}")
    if names[0] == names[1]:
        raise ValueError(f"names {names[0]} twice")
    return names


def _program(name: str) -> str:
    """``name:name`` is another way to write ``name`` (supervisor/options.py ``split_namespec``)."""
    group, _, program = name.partition(":")
    return program if group == program else name


def fifos(text: str) -> tuple[str, ...]:
    paths = tuple(path.strip() for path in text.split(",") if path.strip())
    if len(paths) != 3:
        raise ValueError(
            f"must be three paths in the order new, running, sleeping; {text!r} are {len(paths)}"
        )
    relative = [path for path in paths if not path.startswith("/")]
    if relative:
        raise ValueError(f"must be absolute paths, {relative[0]} is not")
    return paths


def stats(text: str) -> str:
    addresses = [address.strip() for address in text.split(",")]
    if len(addresses) == 1 and text and PROGRAM_NAME not in text:
        raise ValueError(
            f"must contain {PROGRAM_NAME}, or be two addresses: instances with one stats address"
            " answer for each other"
        )
    if len(addresses) > 2 or (len(addresses) == 2 and addresses[0] == addresses[1]):
        raise ValueError(
            f"must be one address with {PROGRAM_NAME} in it, or one for each program, not {text!r}"
        )
    for address in filter(None, addresses):
        if not (address.startswith("/") or _is_numeric(address)):
            raise ValueError(
                f"must be unix paths or IP:PORT, such as 127.0.0.1:9191, not {address!r}"
            )
    return ",".join(addresses)


def _is_numeric(address: str) -> bool:
    """Whether it is IP:PORT. A name would have to be resolved, which would block supervisord."""
    host, _, port = address.rpartition(":")
    try:
        ipaddress.IPv4Address(host)
    except ValueError:
        return False
    return port.isascii() and port.isdigit() and 0 < int(port) < 65536


def switch(text: str) -> bool:
    if text.lower() not in TRUE + FALSE:
        raise ValueError(f"must be true or false, not {text!r}")
    return text.lower() in TRUE


def retire(text: str) -> str:
    if text not in ("park", "stop"):
        raise ValueError(f"must be park or stop, not {text!r}")
    return text


def after_rollback(text: str) -> str:
    if text not in ("rebuild", "keep"):
        raise ValueError(f"must be rebuild or keep, not {text!r}")
    return text


def link(text: str) -> str:
    if text and PROGRAM_NAME not in text.rpartition("/")[2]:
        raise ValueError(f"must end with a name that contains {PROGRAM_NAME}, not {text!r}")
    return path(text)


def seconds(text: str) -> float:
    value = _number(text)
    if not 0 <= value < 1e7:
        raise ValueError(f"must be a number of seconds, not {text!r}")
    return value


def ratio(text: str) -> float:
    value = _number(text)
    if not value >= 0:
        raise ValueError(f"must be a number of exceptions a request, such as 0.05, not {text!r}")
    return value


def share(text: str) -> float:
    value = _number(text)
    if not 0 <= value <= 1:  # Supervisor gives "%" another meaning
        raise ValueError(f"must be a share of the responses, such as 0.02, not {text!r}")
    return value


def _number(text: str) -> float:
    """The number, or -1, which no option allows."""
    try:
        return float(text)
    except ValueError:
        return -1.0


def count(text: str) -> int:
    if text.isascii() and text.isdigit() and 1 <= int(text) <= 1000:
        return int(text)
    raise ValueError(f"must be a number from 1 to 1000, not {text!r}")


def path(text: str) -> str:
    if text and not text.startswith("/"):
        raise ValueError(f"must be an absolute path, not {text!r}")
    return text


def health(text: str) -> str:
    if text and not text.startswith(("/", "http://", "https://", "unix:///", "command:")):
        raise ValueError(
            "must be a path, a URL (http, https, unix:///SOCKET:/PATH) or command:COMMAND,"
            f" not {text!r}"
        )
    return text


def statuses(text: str) -> str:
    parts = [part.partition("-") for part in text.replace(" ", "").split(",")]
    if not all(low.isdigit() and (high.isdigit() if dash else True) for low, dash, high in parts):
        raise ValueError(f"must be such as 200 or 200-399 or 200,204, not {text!r}")
    return text


def command(text: str) -> str:
    try:
        shlex.split(text)
    except ValueError as error:
        raise ValueError(f"is no command line: {error}") from None
    return text
