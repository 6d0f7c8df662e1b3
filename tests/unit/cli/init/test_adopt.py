"""What ``zergctl init --adopt`` makes of programs as they are found in the wild."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from supervisor_zerg.cli.check import check_files
from supervisor_zerg.cli.command import UsageError
from supervisor_zerg.cli.init.main_file import read_main_file
from supervisor_zerg.cli.init.render import CTL_PLUGIN, Needs, plugin_conf
from supervisor_zerg.cli.init.takeover import read_takeover
from supervisor_zerg.cli.probe import COMPANION

from .test_render import by_name, ini_options, sections_of

WILD = Path(__file__).parents[2] / "lint" / "wild"
NEEDS = Needs("/usr/bin/uwsgi", (), (), "/usr/bin/python3", str(COMPANION))
SERVER = "[unix_http_server]\nfile = /run/supervisor.sock\nchmod = 0700\n"


def take(conf, program, output, **options):
    main = read_main_file(str(conf), {})
    invocation = SimpleNamespace(
        arguments={"NAME": "pair"}, options={"adopt": program, "run": "/run/pair", **options}
    )
    return read_takeover(invocation, main, str(output), {})


@pytest.fixture
def adopted(tmp_path):
    """A function: a program of these files -> (its Takeover, the new files by name)."""

    def adopted(section, ini="", **options):
        (tmp_path / "app.ini").write_text(f"[uwsgi]\n{ini}")
        conf = tmp_path / "supervisord.conf"
        conf.write_text(f"{SERVER}[program:old]\n{section.format(ini=tmp_path / 'app.ini')}\n")
        takeover = take(conf, "old", tmp_path / "conf.d", **options)
        texts = takeover.files(NEEDS)
        return takeover, {Path(path).name: text for path, text in texts.items()}

    return adopted


@pytest.mark.parametrize(
    "folder, program, reason",
    [
        ("article", "pybossa", "is part of a zerg pool already"),
        ("catmaid", "catmaid-a", "is part of a zerg pool already"),
        ("emperor", "blue", "starts other uWSGIs by itself"),
        ("emperor", "green", "starts other uWSGIs by itself"),
        ("galaxy", "gx:zergling0", "is one of several programs of a group"),
        ("gevent", "chat1", "is asynchronous"),
        ("threads", "api1", "is part of a zerg pool already"),
        ("wrapper", "shop-blue", "hides how it runs uWSGI"),
        ("wrapper", "shop-green", "hides how it runs uWSGI"),
        ("yaml", "wiki1", "wiki.yml"),
        ("zergdance", "web1", "is part of a zerg pool already"),
    ],
)
def test_what_cannot_be_adopted_is_refused_with_the_reason(folder, program, reason, tmp_path):
    with pytest.raises(UsageError) as refused:
        take(WILD / folder / "supervisord.conf", program, tmp_path)
    assert reason in str(refused.value)


def test_a_site_of_django_becomes_a_pair(tmp_path):
    takeover = take(WILD / "django" / "supervisord.conf", "site", tmp_path)
    assert (takeover.site.address, takeover.site.user) == ("/tmp/site.sock", "www-data")
    texts = takeover.files(NEEDS)
    ini = texts[takeover.site.instance_ini]
    for kept in (
        "harakiri = 20",
        "py-autoreload = 1",
        "base = /srv/site",
        "touch-reload = %(base)",
    ):
        assert f"\n{kept}" in ini
    for gone in ("socket = /tmp/site.sock", "vacuum = true", "uid = www-data"):
        assert f": {gone}" in ini and f"\n{gone}" not in ini
    programs = sections_of(texts[takeover.site.pair_file])
    assert programs["program:pair"]["command"].startswith("/srv/venv/bin/uwsgi --ini ")
    assert all(
        programs[f"program:{name}"]["user"] == "www-data"
        for name in ("pair", "pairbak", "pairpool")
    )
    assert dict(ini_options(texts[takeover.site.pool_ini]))["chmod-socket"] == "666"


@pytest.mark.parametrize(
    "command, ini, address, kept",
    [
        ("uwsgi --ini {ini}", "socket = /run/a.sock\nmodule = a", "/run/a.sock", "module = a"),
        ("uwsgi {ini}", "http-socket = :8000\nmodule = a", ":8000", "protocol = http"),
        ("env A=b uwsgi {ini} -p 3", "socket = :1\nmodule = a", ":1", "processes = 3"),
        (
            "uwsgi -s /run/a.sock --wsgi-file /a.py -M --vacuum",
            "",
            "/run/a.sock",
            "wsgi-file = /a.py",
        ),
        (
            "/opt/uwsgi-2.0.30 --http-socket 127.0.0.1:80 -w a:b --threads 2 -d x",
            "",
            "",
            "",
        ),
        (
            "uwsgi --ini {ini}",
            "socket = /run/a.sock\nmodule = a\nenable-threads = true\nlazy-apps = true\n"
            "harakiri = 60\nlisten = 512",
            "/run/a.sock",
            "lazy-apps = true",
        ),
    ],
)
def test_every_option_of_the_application_is_kept_and_the_result_passes_check(
    command, ini, address, kept, adopted, tmp_path
):
    if not address:
        with pytest.raises(UsageError, match="leaves Supervisor"):
            adopted(f"command = {command}", ini)
        return
    takeover, texts = adopted(f"command = {command}", ini)
    assert takeover.site.address == address
    assert f"\n{kept}\n" in texts["pair.ini"]
    assert f":{address}\n" in texts["pair-pool.ini"]
    for path, text in takeover.files(NEEDS).items():
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_text(text)
    (tmp_path / "conf.d" / "zerg.conf").write_text(plugin_conf(NEEDS))
    main = tmp_path / "main.conf"
    main.write_text(
        f"{SERVER}[supervisord]\n{CTL_PLUGIN}[include]\nfiles = {tmp_path}/conf.d/*.conf\n"
    )
    checked = check_files(str(main), {}, "pair", False)
    assert [line for line in checked.lines if ": error" in line] == []


@pytest.mark.parametrize(
    "section, ini, reason",
    [
        ("command = uwsgi {ini}", "module = a", "must have one socket"),
        ("command = uwsgi {ini}", "module = a\nsocket = a.sock", "neither an absolute path"),
        ("command = uwsgi {ini}", "module = a\nsocket = :1\nsocket = :2", "must have one socket"),
        ("command = uwsgi {ini}", "module = a\nhttp = :80", "an address of its own"),
        ("command = uwsgi {ini}", "psgi = a.pl\nsocket = :1", "no Python application"),
        ("command = uwsgi {ini} --ini {ini}", "module = a\nsocket = :1", "reads"),
        ("command = uwsgi --ini {ini}:x", "[x]\nmodule = a\nsocket = :1", "reads"),
        ("command = uwsgi {ini}\nnumprocs = 2\nprocess_name = %(process_num)s", "", "no program"),
        ("command = /srv/run.sh {ini}", "", "hides how it runs uWSGI"),
        ("command = uwsgi --ini /nosuch.ini", "", "/nosuch.ini"),
    ],
)
def test_what_leaves_no_safe_way_is_refused(section, ini, reason, adopted):
    with pytest.raises(UsageError) as refused:
        adopted(section, ini)
    assert reason in str(refused.value)


def test_an_option_that_must_go_from_an_included_file_is_refused(adopted, tmp_path):
    (tmp_path / "common.ini").write_text("[uwsgi]\nvacuum = true\n")
    with pytest.raises(UsageError, match=r"vacuum = true .*common.ini:2\) is in a file"):
        adopted("command = uwsgi {ini}", f"ini = {tmp_path}/common.ini\nmodule = a\nsocket = :1\n")


def test_the_options_of_the_program_are_kept_but_for_those_of_the_pair(adopted):
    _, texts = adopted(
        'command = uwsgi {ini}\nenvironment = A="50%%",B="%(program_name)s"\numask = 022\n'
        "stopsignal = HUP\nstopasgroup = true\nstopwaitsecs = 200\nstdout_logfile = /log/a.log",
        "module = a\nsocket = :1\n",
    )
    programs = sections_of(texts["pair.conf"])
    first, second = programs["program:pair"], programs["program:pairbak"]
    for program in (first, second):
        assert program["environment"] == 'A="50%%",B="%(program_name)s"'
        assert (program["umask"], program["stopsignal"]) == ("022", "TERM")
        assert program["stopwaitsecs"] == "200" and "stopasgroup" not in program
    assert (first["stdout_logfile"], second["stdout_logfile"]) == (
        "/log/a-pair.log",
        "/log/a-pairbak.log",
    )


def test_the_place_of_the_ini_is_written_out_since_the_new_one_lies_elsewhere(adopted, tmp_path):
    _, texts = adopted(
        "command = uwsgi {ini}",
        "chdir = %d\nmodule = a\nsocket = :1\nlogto = %d%n.log\nlog-format = 100%% %(uri)\n",
    )
    options = by_name(ini_options(texts["pair.ini"]))
    assert options["chdir"] == [f"{tmp_path}/"]
    assert options["logto"] == [f"{tmp_path}/app.log"]
    assert options["log-format"] == ["100%% %(uri)"]


def test_what_both_instances_will_run_is_reported(adopted):
    takeover, texts = adopted("command = uwsgi {ini}", "module = a\nsocket = :1\nmule = b.py\n")
    paths = {takeover.site.instance_ini: texts["pair.ini"]}
    assert any("both instances will run mule = b.py" in line for line in takeover.preface(paths))


def test_options_of_a_new_pair_make_no_sense_with_an_old_program(adopted):
    with pytest.raises(UsageError, match="--module, --user is that of the program"):
        adopted("command = uwsgi {ini}", "module = a\nsocket = :1\n", module="x", user="y")


def test_an_unknown_program_or_a_name_that_is_taken_is_refused(adopted, tmp_path):
    with pytest.raises(UsageError, match="has no program 'other'; it has: old"):
        adopted("command = uwsgi {ini}", "module = a\nsocket = :1\n", adopt="other")
    conf = tmp_path / "supervisord.conf"
    conf.write_text(conf.read_text().replace("program:old", "program:pair"))
    with pytest.raises(UsageError, match="give the pair another name"):
        take(conf, "pair", tmp_path)
