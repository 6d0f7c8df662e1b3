"""The files of a new pair say the same as conf.d, and what the operator asked for."""

import configparser
import dataclasses

import pytest

from supervisor_zerg.cli.command import UsageError
from supervisor_zerg.cli.init.render import Needs, files, nginx
from supervisor_zerg.cli.init.site import site_of
from supervisor_zerg.config import parse_pair
from supervisor_zerg.demo.stack import CONF_D

NEEDS = Needs("/usr/bin/uwsgi", (), (), "/usr/bin/python3", "/lib/companion.py")
VARIABLES = {"$(ZERG_RUN)": "/run/shop", "$(ZERG_COMPANION)": "/lib/companion.py"}


def a_site(**options):
    words = {"module": "shop.wsgi:application", **options}
    given = {name.replace("_", "-"): value for name, value in words.items() if value is not None}
    return site_of("shop", given, "/etc/supervisor/conf.d", ".conf")


def ini_options(text):
    """The options of a uWSGI ini."""
    lines = [line.partition(" = ") for line in text.splitlines()]
    return [(name, value) for name, equals, value in lines if equals and not name.startswith(";")]


def by_name(options):
    """The values of each option in their order, which matters."""
    found = {}
    for name, value in options:
        found.setdefault(name, []).append(value)
    return found


def sections_of(text):
    parser = configparser.RawConfigParser(inline_comment_prefixes=(" ;",))
    parser.read_string(text)
    return {name: dict(parser.items(name)) for name in parser.sections()}


@pytest.mark.parametrize("dialect", ["managed", "hooks"])
def test_the_ini_of_the_instances_pairs_them_as_that_of_conf_d_does(dialect):
    site = a_site(dialect=dialect)
    text = (CONF_D / "uwsgi" / f"{dialect}.ini").read_text()
    for variable, value in VARIABLES.items():
        text = text.replace(variable, value)
    own = {"module", "processes", "enable-threads"}
    written = by_name(ini_options(files(site, NEEDS, False, True)[site.instance_ini]))
    assert own <= set(written)
    assert {name: written[name] for name in set(written) - own} == by_name(ini_options(text))


def test_the_pool_is_that_of_conf_d_but_for_the_rights_of_its_sockets():
    site = a_site()
    text = (CONF_D / "uwsgi" / "zergpool.ini").read_text().replace("$(ZERG_RUN)", "/run/shop")
    expected = {**dict(ini_options(text)), "chmod-socket": "660"}
    assert dict(ini_options(files(site, NEEDS, False, True)[site.pool_ini])) == expected


def test_the_programs_are_those_of_conf_d_and_start_with_supervisord():
    written = sections_of(files(a_site(), NEEDS, False, True)["/etc/supervisor/conf.d/shop.conf"])
    for file, program in (("pybossa.conf", "shop"), ("zergpool.conf", "shoppool")):
        ((_, known),) = sections_of((CONF_D / file).read_text()).items()
        ours = {**written[f"program:{program}"], "autostart": "true"}
        same = {**known, "command": ours["command"], "autostart": "true"}
        assert {**ours, "autorestart": "true"} == {**same, "autorestart": "true"}
    assert written["program:shopbak"] == written["program:shop"]


def test_with_hooks_the_spare_does_not_boot_together_with_the_other_one():
    site = a_site(dialect="hooks")
    written = sections_of(files(site, NEEDS, False, True)[site.pair_file])
    assert written["program:shop"]["autostart"] == "true"
    assert written["program:shopbak"]["autostart"] == "false"


def test_the_section_of_the_pair_is_valid():
    written = sections_of(files(a_site(), NEEDS, False, True)["/etc/supervisor/conf.d/shop.conf"])
    pair = parse_pair("shop", written["zerg:shop"])
    assert not pair.problems
    assert (pair.programs, pair.pool) == (("shop", "shopbak"), "shoppool")
    assert pair.health_of("shop") == "unix:///run/shop/shop.companion:/.zerg/ready"


def test_what_the_operator_gives_is_written_as_it_is():
    site = a_site(
        chdir="/srv/shop/",
        venv="/srv/venv",
        user="www-data",
        group="nginx",
        processes=3,
        threads=2,
        http="127.0.0.1:8000",
    )
    needs = NEEDS._replace(instance_plugins=("python3",), pool_plugins=("zergpool",))
    written = files(site, needs, True, True)
    ini = ini_options(written[site.instance_ini])
    for option in (
        ("plugins", "python3"),
        ("module", "shop.wsgi:application"),
        ("chdir", "/srv/shop"),
        ("virtualenv", "/srv/venv"),
        ("processes", "3"),
        ("threads", "2"),
        ("protocol", "http"),
    ):
        assert option in ini
    pool = dict(ini_options(written[site.pool_ini]))
    assert pool["zerg-pool"] == "/run/shop/pool.sock:127.0.0.1:8000"
    assert pool["plugins"] == "zergpool"
    programs = sections_of(written[site.pair_file])
    assert all(
        programs[f"program:{name}"]["user"] == "www-data" for name in (*site.programs, site.pool)
    )
    assert "d /run/shop 2750 www-data nginx -\n" in written[site.tmpfiles]


@pytest.mark.parametrize(
    "options, line",
    [
        ({}, "uwsgi_pass unix:/run/shop/web.sock;"),
        ({"socket": "127.0.0.1:3031"}, "uwsgi_pass 127.0.0.1:3031;"),
        ({"http": "127.0.0.1:8000"}, "proxy_pass http://127.0.0.1:8000;"),
        ({"http": "/run/shop.sock"}, "proxy_pass http://unix:/run/shop.sock:;"),
    ],
)
def test_nginx_speaks_the_protocol_of_the_instances(options, line):
    assert line in nginx(a_site(**options))


def test_no_environment_but_supervisors_own_is_needed():
    for text in files(a_site(), NEEDS, True, True).values():
        assert "ENV_" not in text
        assert text.count("$(") == text.count("$(SUPERVISOR_PROCESS_NAME)")


def test_a_folder_that_survives_a_boot_needs_no_tmpfiles():
    site = a_site(run="/srv/shop/run")
    assert site.tmpfiles not in files(site, NEEDS, False, True)


def test_the_plugin_is_configured_once():
    site = a_site()
    assert site.plugin_file in files(site, NEEDS, False, True)
    assert site.plugin_file not in files(site, NEEDS, False, False)


def test_two_pairs_share_no_path_and_no_program():
    one = a_site()
    other = dataclasses.replace(one, name="other", run="/run/other", address="/run/other/web.sock")
    for first, second in zip(
        files(one, NEEDS, True, False).items(), files(other, NEEDS, True, False).items()
    ):
        assert first[0] != second[0] and "/run/shop" not in second[1]


@pytest.mark.parametrize(
    "name, options, hint",
    [
        ("sh op", {"module": "x"}, "is named like"),
        ("zerg", {"module": "x"}, "is named like"),
        ("1", {"module": "x"}, "is named like"),
        ("a:b", {"module": "x"}, "is named like"),
        ("shop", {}, "--module shop.wsgi:application, or --wsgi-file"),
        ("shop", {"module": "x", "wsgi-file": "/x"}, "name the application"),
        ("shop", {"module": "x; rm"}, "--module takes"),
        ("shop", {"module": "x", "chdir": "srv"}, "--chdir takes an absolute path"),
        ("shop", {"module": "x", "chdir": "/s", "releases": "/r"}, "--chdir or --releases"),
        ("shop", {"module": "x", "venv": "../v", "releases": "/r"}, "--venv takes"),
        ("shop", {"module": "x", "venv": "v"}, "--venv takes"),
        ("shop", {"module": "x", "chdir": "/srv/%(x)s"}, "--chdir takes"),
        ("shop", {"module": "x", "run": "/run/a,b"}, "--run takes"),
        ("shop", {"module": "x", "user": "a\nb"}, "--user takes"),
        ("shop", {"module": "x", "http": "80", "socket": "/x"}, "one protocol"),
        ("shop", {"module": "x", "http": "80"}, "--http takes"),
        ("shop", {"module": "x", "socket": "/run/$(x)"}, "--socket takes"),
    ],
)
def test_what_would_be_read_as_something_else_is_refused(name, options, hint):
    with pytest.raises(UsageError, match=r".") as refused:
        site_of(name, options, "/etc", ".conf")
    assert hint in str(refused.value)


def test_with_releases_each_instance_runs_what_is_below_its_own_link():
    site = a_site(releases="/srv/shop/releases/", venv="venv", user="www-data")
    written = files(site, NEEDS, False, True)
    link = "/srv/shop/releases/.zerg/$(SUPERVISOR_PROCESS_NAME)"
    ini = ini_options(written[site.instance_ini])
    assert {("chdir", link), ("pythonpath", link), ("virtualenv", f"{link}/venv")} <= set(ini)
    section = sections_of(written[site.pair_file])["zerg:shop"]
    assert section["releases"] == "/srv/shop/releases"


def test_h68_without_releases_no_file_speaks_of_them():
    site = a_site()
    assert not any("releases" in text for text in files(site, NEEDS, True, True).values())
