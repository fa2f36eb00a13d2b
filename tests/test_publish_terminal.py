"""`graph-service publish`: what it prints, and one clear sentence for each thing that is wrong."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import neo4j as driver
import pytest
from click.testing import CliRunner, Result
from neo4j.exceptions import Neo4jError

from api import cli_publish
from api.session import Group
from graph_service.errors import RunError, StoreError, UsageError
from graph_service.home import Home
from graph_service.settings import Neo4jSettings
from graph_service.stores.neo4j import connection as connections
from graph_service.stores.neo4j.connection import Connection, Statement, connect
from tests.published import FOUND, ORG, WORLD, equal, leftovers, show
from tests.run_files import score, write_run


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


@pytest.fixture
def app() -> click.Group:
    group = Group(name="graph-service")
    group.add_command(cli_publish.publish)
    return group


@pytest.fixture
def environment(empty_database: Neo4jSettings, monkeypatch: pytest.MonkeyPatch) -> Neo4jSettings:
    for name, value in _variables(empty_database).items():
        monkeypatch.setenv(name, value)
    return empty_database


def _variables(database: Neo4jSettings) -> dict[str, str]:
    return {
        "NEO4J_URI": database.uri,
        "NEO4J_USER": database.user,
        "NEO4J_PASSWORD": database.secret(),
        "NEO4J_DATABASE": database.database,
    }


def ask(app: click.Group, home: Home, *words: str) -> Result:
    """One command; a refusal is raised as the program would map it."""
    result = CliRunner().invoke(app, ["publish", *words, "--home", str(home.path)])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def test_publish_shows_the_current_run_and_says_what_it_wrote(
    environment: Neo4jSettings, app: click.Group, home: Home
) -> None:
    first = write_run(home, *WORLD, [FOUND], [score(ORG, 1.0)])
    second = write_run(home, [ORG], [], [FOUND])
    told = json.loads(ask(app, home, "--format", "json").stdout)
    assert told["run_id"] == second.run_id
    assert (told["number"], told["nodes"], told["relationships"]) == (1, 2, 2)
    assert (told["whole"], told["swept"], told["kept"]) == (True, True, 0)
    ask(app, home, first.run_id, "--whole")
    with connect(environment) as connection:
        equal(connection, first)
    assert second.run_id in ask(app, home).stdout


def test_without_a_database_it_says_how_to_get_one(
    app: click.Group, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NEO4J_URI", raising=False)
    with pytest.raises(UsageError, match="no run yet"):
        ask(app, home)
    write_run(home, *WORLD)
    with pytest.raises(StoreError, match=r"neo4j start.*NEO4J_URI"):
        ask(app, home)
    with pytest.raises(RunError, match="no run 2001"):
        ask(app, home, "2001")


def test_what_is_wrong_is_told_in_one_sentence(
    environment: Neo4jSettings, app: click.Group, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_run(home, *WORLD)
    with closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))
        nobody = f"bolt://127.0.0.1:{taken.getsockname()[1]}"
    for variable, value, words in (
        ("NEO4J_PASSWORD", "a wrong one", "refuses the user or the password"),
        ("NEO4J_USER", "nobody", "refuses the user or the password"),
        ("NEO4J_DATABASE", "nowhere", "no database of that name"),
        ("NEO4J_URI", nobody, "does not answer"),
        ("NEO4J_URI", "bolt://no-such-host.invalid:7687", "does not answer"),
    ):
        with monkeypatch.context() as changed:
            changed.setenv(variable, value)
            with pytest.raises(StoreError, match=words) as refused:
                ask(app, home)
        told = str(refused.value)
        assert "a wrong one" not in told
        assert 1 <= len(re.findall(r"[.](?: |$)", told)) <= 2, told


def test_nothing_but_the_sentence_is_printed(environment: Neo4jSettings, home: Home) -> None:
    write_run(home, *WORLD)
    done = subprocess.run(
        [sys.executable, "-m", "api.cli", "publish", "--home", str(home.path)],
        env={**_variables(replace(environment, password="a wrong one")), "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert len(done.stderr.splitlines()) == 1, done.stderr


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("Neo.ClientError.General.ForbiddenOnReadOnlyDatabase", "for reading only"),
        ("Neo.ClientError.General.WriteOnReadOnlyAccessDatabase", "for reading only"),
        ("Neo.DatabaseError.Transaction.TransactionCommitFailed", "disk has room"),
        ("Neo.DatabaseError.Transaction.TransactionLogError", "disk has room"),
        ("Neo.ClientError.Security.Forbidden", "right"),
        ("Neo.ClientError.Security.CredentialsExpired", "new password"),
        ("Neo.ClientError.Security.AuthenticationRateLimit", "for a while"),
        ("Neo.DatabaseError.General.UnknownError", "refused with"),
    ],
)
def test_a_refusal_of_the_server_is_told_by_its_code(
    environment: Neo4jSettings, monkeypatch: pytest.MonkeyPatch, code: str, words: str
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise Neo4jError._hydrate_neo4j(code=code, message="a value of a row: 199001012385")

    with connect(environment) as connection:
        monkeypatch.setattr(driver.Session, "execute_write", refuse)
        with pytest.raises(StoreError, match=words) as refused:
            connection.write(Statement("x", "RETURN 1", {}))
    assert "199001012385" not in str(refused.value)


def test_an_old_server_is_refused(
    environment: Neo4jSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def old(*_: Any, **__: Any) -> list[dict[str, Any]]:
        return [{"name": "Neo4j Kernel", "versions": ["5.12.0"]}]

    monkeypatch.setattr(Connection, "read", old)
    with pytest.raises(StoreError, match=r"5\.12\.0.*Use 5\.26 or later"), connect(environment):
        pass


def test_a_tag_says_which_query_and_nothing_of_its_values(
    empty_database: Neo4jSettings,
) -> None:
    with connect(empty_database) as connection:
        text = (
            "SHOW TRANSACTIONS YIELD metaData WHERE metaData.query = 'mine' "
            "RETURN metaData AS tag, $secret AS secret"
        )
        (row,) = connection.read(text, {"secret": "199001012385"}, "mine", purpose="why")
    assert row["tag"] == {
        "application": "graph-service",
        "query": "mine",
        "digest": connections.digest(text),
        "purpose": "why",
    }


def test_a_question_ends_at_its_time_limit(empty_database: Neo4jSettings) -> None:
    endless = "UNWIND range(1, 10000000) AS a UNWIND range(1, 100000) AS b RETURN count(*) AS n"
    with connect(empty_database) as connection, pytest.raises(StoreError, match="time limit"):
        connection.read(endless, {}, "endless", seconds=0.5)


@pytest.mark.parametrize(
    "deed",
    [
        "MATCH (n:GraphService) DETACH DELETE n",
        "MATCH (n:Account) DETACH DELETE n",
        "MATCH (:GraphService)-[r:HOLDS_ACCOUNT]->() DELETE r",
    ],
    ids=["emptied", "a node", "relationships"],
)
def test_what_was_taken_away_by_hand_is_there_again(
    environment: Neo4jSettings, home: Home, deed: str
) -> None:
    run = write_run(home, *WORLD, [FOUND])
    with connect(environment) as connection:
        show(connection, home, run)
        connection.write(Statement("by hand", deed, {}))
        assert show(connection, home, run).whole
        equal(connection, run)
        assert leftovers(connection) == (0, 0)
        assert not show(connection, home, run).whole
