"""The structs that the namespace answers, as a healthy pair has them."""

NOW = 1_700_000_000.0


def an_instance(program, condition="parked", **options):
    instance = {
        "program": program,
        "pid": 7,
        "master": 7,
        "statename": "RUNNING",
        "slot": "sleeping",
        "condition": condition,
        "in_flight": 0,
        "workers": 2,
        "threads": 8,
        "accepting_threads": 0,
        "frozen": False,
        "requests": 12.0,
        "source": "kernel, stats",
        "release": "",
        "since": NOW - 3661,
    }
    return {**instance, **options}


def a_pair(pair="web", serving="a", parked="b", **options):
    instances = [an_instance("a", "serving", slot="running", accepting_threads=8), an_instance("b")]
    info = {
        "pair": pair,
        "serving": serving,
        "parked": parked,
        "warm": True,
        "held": False,
        "auto": True,
        "busy": {},
        "pool": "zergpool RUNNING",
        "problems": [],
        "instances": instances,
    }
    return {**info, **options}


def a_reply(**options):
    reply = {
        "pair": "web",
        "id": "x-1",
        "changed": True,
        "took_ms": 4.24,
        "serving": "b",
        "parked": "a",
        "draining": 0,
        "held": False,
    }
    return {**reply, **options}


def a_deploy(**options):
    told = {
        "id": "x-1",
        "pair": "web",
        "label": "",
        "elapsed": 1.0,
        "waiting_for": "b boots",
        "outcome": "",
        "reason": "",
        "killed_requests": 0,
        "serving": "a",
    }
    return {**told, **options}


def an_entry(**values):
    return {
        "at": NOW,
        "pair": "web",
        "id": "x-1",
        "kind": "swap",
        "program": "b",
        "by": "operator",
        "outcome": "done",
        "reason": "",
        "actions": [],
        "took_ms": 2.44,
        "serving": "b",
        "failover": False,
        **values,
    }
