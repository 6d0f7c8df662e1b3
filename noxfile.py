"""The checks, each in an environment of its own: ``nox -s lint types unit live docs coverage``."""

import os
import shutil
import subprocess

import nox

PYTHONS = ["3.9", "3.10", "3.11", "3.12", "3.13"]
PURE = [
    "supervisor_zerg/core/*",
    "supervisor_zerg/deploy/dry_run.py",
    "supervisor_zerg/deploy/health.py",
    "supervisor_zerg/deploy/model.py",
    "supervisor_zerg/deploy/plan.py",
    "supervisor_zerg/deploy/rollback.py",
    "supervisor_zerg/deploy/simulated_deploy.py",
    "supervisor_zerg/deploy/simulation.py",
    "supervisor_zerg/deploy/state_machine.py",
]

nox.options.sessions = ["lint", "types", "unit", "docs", "coverage"]
nox.options.reuse_existing_virtualenvs = True
nox.options.error_on_missing_interpreters = False
nox.options.download_python = "never"


def enable_pyenv_versions():
    """Let nox find what pyenv has installed: its commands run the enabled versions only."""
    if "PYENV_VERSION" in os.environ or not shutil.which("pyenv"):
        return
    enabled = subprocess.run(["pyenv", "version-name"], capture_output=True, text=True)
    installed = subprocess.run(["pyenv", "versions", "--bare"], capture_output=True, text=True)
    versions = [*enabled.stdout.strip().split(":"), *installed.stdout.split()]
    os.environ["PYENV_VERSION"] = ":".join(filter(None, dict.fromkeys(versions)))


enable_pyenv_versions()


@nox.session
def lint(session):
    """ruff and import-linter."""
    session.install("-e", ".[lint]")
    session.run("ruff", "check")
    session.run("ruff", "format", "--check")
    session.run("lint-imports")


@nox.session
def types(session):
    """mypy."""
    session.install("-e", ".[lint]")
    session.run("mypy", *session.posargs)


@nox.session(python=PYTHONS)
def unit(session):
    """The unit tests, on every Python that is installed."""
    session.install("-e", ".[test]")
    session.run("pytest", "-n", "2", "-q", "tests/unit", *session.posargs)


@nox.session
def live(session):
    """The live tests: real supervisord, real uWSGI, some twenty minutes."""
    session.install("-e", ".[test]")
    session.run("pytest", "-n", "2", "tests/live", *session.posargs)


@nox.session
def chaos(session):
    """Random faults under load: ``nox -s chaos -- --seed 7 --faults 100``."""
    session.install("-e", ".[test]")
    session.run("python", "-m", "tests.chaos", *session.posargs)


@nox.session
def coverage(session):
    """Branch coverage of the unit tests; what decides is covered completely."""
    session.install("-e", ".[test]")
    data = {"COVERAGE_FILE": os.path.join(session.create_tmp(), "coverage")}
    session.run("coverage", "run", "-m", "pytest", "-q", "tests/unit", env=data)
    session.run("coverage", "report", env=data)
    gate = f"--include={','.join(PURE)}"
    session.run("coverage", "report", gate, "--fail-under=100", env=data)


@nox.session
def docs(session):
    """The pages and zergctl(1), without a warning; ``-- links`` checks the links as well."""
    session.install("-e", ".[docs]")
    builders = ["html", "man", *(["linkcheck"] if "links" in session.posargs else [])]
    for builder in builders:
        session.run("sphinx-build", "-W", "-b", builder, "docs", f"docs/_build/{builder}")
