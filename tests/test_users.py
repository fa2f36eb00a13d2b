"""Who may come in: passwords, sessions, keys; the same on both databases."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from argon2 import PasswordHasher, Type, extract_parameters
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, text

from graph_service.access.table import Role
from graph_service.casework.database import Database
from graph_service.casework.passwords import FAILURES, WINDOW
from graph_service.casework.people import FailureRow, KeyRow, SessionRow, UserRow
from graph_service.casework.users import LONGEST_KEY, SESSION, SignInRefused, Users
from graph_service.errors import Conflict, DeclarationError, NotSignedIn, NotThere, UsageError

PASSWORD = "fyra ord av slumpen"
SECOND = timedelta(seconds=1)
FAST = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


class Counting(PasswordHasher):
    """The real hasher, at little cost; it counts how many passwords it examined."""

    def __init__(self) -> None:
        super().__init__(time_cost=1, memory_cost=8, parallelism=1)
        self.examined = 0

    def verify(self, *given: Any) -> bool:
        self.examined += 1
        return super().verify(*given)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def users(database: Database, clock: Clock) -> Users:
    return Users(database, clock=clock, hasher=FAST)


def fail(users: Users, name: str, times: int = 1) -> None:
    for _ in range(times):
        with pytest.raises(SignInRefused):
            users.sign_in(name, "something else")


def test_a_session_is_of_whom_it_was_opened_for(users: Users, clock: Clock) -> None:
    made = users.add("Anna", PASSWORD, ["reviewer", "lawyer"], ["norr", "söder"])
    opened = users.sign_in("anna", PASSWORD)
    assert opened.expires_at == clock() + SESSION
    caller = users.caller_of(opened.token)
    assert caller == opened.caller
    assert (caller.user_id, caller.name) == (made.user_id, "anna")
    assert caller.roles == {Role.REVIEWER, Role.LAWYER}
    assert caller.units == {"norr", "söder"}
    assert users.sign_in("anna", PASSWORD).token != opened.token


def test_no_units_are_not_every_unit(users: Users) -> None:
    for name, units in (("every", None), ("none", []), ("one", ["norr"])):
        users.add(name, PASSWORD, ["reviewer"], units)
        expected = None if units is None else set(units)
        assert users.caller_of(users.sign_in(name, PASSWORD).token).units == expected
        _, secret = users.issue_key(name, ["reviewer"], units, lasts=LONGEST_KEY, by="t")
        assert users.caller_of(secret).units == expected


def test_a_session_ends_after_eight_hours(users: Users, clock: Clock) -> None:
    users.add("anna", PASSWORD, ["reviewer"], None)
    token = users.sign_in("anna", PASSWORD).token
    clock.now += SESSION - SECOND
    users.caller_of(token)
    clock.now += SECOND
    with pytest.raises(NotSignedIn):
        users.caller_of(token)


def test_signing_out_ends_one_session(users: Users) -> None:
    users.add("anna", PASSWORD, ["reviewer"], None)
    first, second = (users.sign_in("anna", PASSWORD).token for _ in range(2))
    assert users.sign_out(first) is True
    assert users.sign_out(first) is False
    with pytest.raises(NotSignedIn):
        users.caller_of(first)
    users.caller_of(second)


@pytest.mark.parametrize(
    "change",
    [{"disabled": True}, {"password": "another long one"}],
    ids=lambda change: next(iter(change)),
)
def test_disabling_and_a_new_password_end_every_session_at_once(
    change: dict[str, Any], users: Users
) -> None:
    made = users.add("anna", PASSWORD, ["reviewer"], None)
    tokens = [users.sign_in("anna", PASSWORD).token for _ in range(2)]
    users.change(made.user_id, **change)
    for token in tokens:
        with pytest.raises(NotSignedIn):
            users.caller_of(token)
    with pytest.raises(SignInRefused):
        users.sign_in("anna", PASSWORD)


def test_other_roles_and_units_hold_at_once(users: Users) -> None:
    made = users.add("anna", PASSWORD, ["reviewer"], ["norr"])
    token = users.sign_in("anna", PASSWORD).token
    users.change(made.user_id, roles=["auditor"])
    assert users.caller_of(token).roles == {Role.AUDITOR}
    assert users.caller_of(token).units == {"norr"}
    users.change(made.user_id, units=[])
    assert users.caller_of(token).units == set()
    users.change(made.user_id, all_units=True)
    assert users.caller_of(token).units is None


def test_whoever_is_let_in_again_may_come_again(users: Users) -> None:
    made = users.add("anna", PASSWORD, ["reviewer"], None)
    users.change(made.user_id, disabled=True)
    users.change(made.user_id, disabled=False)
    users.sign_in("anna", PASSWORD)


def test_five_failures_rest_a_name_until_the_window_ends(users: Users, clock: Clock) -> None:
    users.add("anna", PASSWORD, ["reviewer"], None)
    begun = clock()
    fail(users, "anna", FAILURES)
    clock.now = begun + WINDOW - SECOND
    with pytest.raises(SignInRefused):
        users.sign_in("anna", PASSWORD)
    clock.now = begun + WINDOW
    users.sign_in("anna", PASSWORD)


def test_a_name_that_rests_is_not_kept_out_longer_by_more_failures(
    users: Users, clock: Clock
) -> None:
    """Else anybody could keep a colleague out for good."""
    users.add("anna", PASSWORD, ["reviewer"], None)
    begun = clock()
    fail(users, "anna", FAILURES)
    clock.now = begun + WINDOW - SECOND
    fail(users, "anna", 20)
    clock.now = begun + WINDOW
    users.sign_in("anna", PASSWORD)


def test_signing_in_forgets_failures_and_so_does_a_new_password(users: Users) -> None:
    made = users.add("anna", PASSWORD, ["reviewer"], None)
    fail(users, "anna", FAILURES - 1)
    users.sign_in("anna", PASSWORD)
    fail(users, "anna", FAILURES)
    users.change(made.user_id, password="another long one")
    users.sign_in("anna", "another long one")


def test_one_name_that_rests_keeps_no_other_out(users: Users) -> None:
    users.add("anna", PASSWORD, ["reviewer"], None)
    users.add("bo", PASSWORD, ["reviewer"], None)
    fail(users, "anna", FAILURES)
    users.sign_in("bo", PASSWORD)


def test_failures_leave_no_trace_when_the_window_has_passed(
    users: Users, clock: Clock, database: Database
) -> None:
    for number in range(20):
        fail(users, f"nobody{number}")
    clock.now += WINDOW
    fail(users, "last")
    with database.reading() as session:
        assert len(session.scalars(select(FailureRow)).all()) == 1


def test_every_refusal_says_the_same_and_examines_one_password(
    database: Database, clock: Clock
) -> None:
    """Unknown, disabled, resting, wrong: neither words nor work tell them apart."""
    hasher = Counting()
    users = Users(database, clock=clock, hasher=hasher)
    for name in ("wrong", "disabled", "resting"):
        made = users.add(name, PASSWORD, ["reviewer"], None)
        if name == "disabled":
            users.change(made.user_id, disabled=True)
    fail(users, "resting", FAILURES)
    said, examined = set(), set()
    for name, password in (
        ("wrong", "something else"),
        ("unknown", PASSWORD),
        ("disabled", PASSWORD),
        ("resting", PASSWORD),
        ("", ""),
        ("a\0b", "c\0d"),
        ("a" * 10_000, "b" * 10_000),
    ):
        before = hasher.examined
        with pytest.raises(SignInRefused) as refused:
            users.sign_in(name, password)
        said.add(str(refused.value))
        examined.add(hasher.examined - before)
    assert len(said) == 1 and examined == {1}


def test_guesses_at_once_are_counted_all(users: Users) -> None:
    users.add("anna", PASSWORD, ["reviewer"], None)
    _at_once(lambda: fail(users, "anna"), 20)
    with pytest.raises(SignInRefused):
        users.sign_in("anna", PASSWORD)


def test_of_those_who_take_a_name_at_once_one_gets_it(users: Users) -> None:
    taken = list[str]()

    def take() -> None:
        try:
            taken.append(users.add("anna", PASSWORD, ["reviewer"], None).user_id)
        except Conflict:
            return

    _at_once(take, 10)
    assert [user.user_id for user in users.everybody()] == taken


def test_many_sign_in_at_once(users: Users) -> None:
    users.add("anna", PASSWORD, ["reviewer"], None)
    tokens = list[str]()
    _at_once(lambda: tokens.append(users.sign_in("anna", PASSWORD).token), 20)
    assert len({users.caller_of(token) for token in tokens}) == 1
    assert len(set(tokens)) == 20


def test_passwords_are_argon2id_with_the_parameters_of_rfc_9106(
    database: Database, clock: Clock
) -> None:
    Users(database, clock=clock).add("anna", PASSWORD, ["reviewer"], None)
    with database.reading() as session:
        hashed = session.scalars(select(UserRow.password_hash)).one()
    told = extract_parameters(hashed)
    assert told.type is Type.ID
    assert (told.memory_cost, told.time_cost, told.parallelism) == (64 * 1024, 3, 4)
    assert (told.salt_len, told.hash_len) == (16, 32)


def test_a_hash_of_older_parameters_is_made_anew_at_sign_in(
    database: Database, clock: Clock
) -> None:
    older = PasswordHasher(time_cost=2, memory_cost=16, parallelism=1)
    Users(database, clock=clock, hasher=older).add("anna", PASSWORD, ["reviewer"], None)
    users = Users(database, clock=clock, hasher=FAST)
    for _ in range(2):
        users.sign_in("anna", PASSWORD)
        with database.reading() as session:
            assert not FAST.check_needs_rehash(session.scalars(select(UserRow.password_hash)).one())


def test_no_secret_stands_in_the_database(users: Users, database: Database) -> None:
    users.add("anna", PASSWORD, ["reviewer"], None)
    token = users.sign_in("anna", PASSWORD).token
    _, key = users.issue_key("robot", ["reviewer"], None, lasts=LONGEST_KEY, by="t")
    fail(users, "a password in the wrong box")
    with database.reading() as session:
        stored = "".join(
            str(row)
            for table in (UserRow, SessionRow, KeyRow, FailureRow)
            for row in session.execute(select(table.__table__))
        )
    for secret in (PASSWORD, token, key, "wrong box"):
        assert secret not in stored
        assert secret[4:] not in stored


def test_a_key_lasts_as_long_as_it_was_made_for(users: Users, clock: Clock) -> None:
    made, secret = users.issue_key(
        "robot", ["auditor"], None, lasts=timedelta(days=30), by="user:1"
    )
    caller = users.caller_of(secret)
    assert (caller.user_id, caller.name, caller.roles) == (made.key_id, "robot", {Role.AUDITOR})
    clock.now += timedelta(days=30) - SECOND
    users.caller_of(secret)
    clock.now += SECOND
    with pytest.raises(NotSignedIn):
        users.caller_of(secret)


def test_a_revoked_key_ends_at_once_and_its_name_stays_taken(users: Users) -> None:
    made, secret = users.issue_key("robot", ["auditor"], None, lasts=LONGEST_KEY, by="t")
    ended = users.revoke_key(made.key_id)
    with pytest.raises(NotSignedIn):
        users.caller_of(secret)
    assert users.revoke_key(made.key_id) == ended
    with pytest.raises(Conflict):
        users.issue_key("Robot", ["auditor"], None, lasts=LONGEST_KEY, by="t")


def test_a_key_without_an_end_in_sight_is_refused(users: Users) -> None:
    for lasts in (timedelta(0), -SECOND, LONGEST_KEY + SECOND):
        with pytest.raises(UsageError):
            users.issue_key("robot", ["auditor"], None, lasts=lasts, by="t")


def test_the_day_on_which_a_key_was_used_last_is_told(users: Users, clock: Clock) -> None:
    _, secret = users.issue_key("robot", ["auditor"], None, lasts=LONGEST_KEY, by="t")
    assert users.key_named("robot").last_used_on is None
    users.caller_of(secret)
    assert users.key_named("robot").last_used_on == date(2026, 3, 2)
    clock.now += timedelta(days=3)
    users.caller_of(secret)
    assert users.key_named("robot").last_used_on == date(2026, 3, 5)


def test_there_is_a_way_in_while_somebody_may_come(users: Users, clock: Clock) -> None:
    assert users.any_way_in() is False
    made = users.add("anna", PASSWORD, ["reviewer"], None)
    assert users.any_way_in() is True
    users.change(made.user_id, disabled=True)
    assert users.any_way_in() is False
    key, _ = users.issue_key("robot", ["reviewer"], None, lasts=timedelta(days=1), by="t")
    assert users.any_way_in() is True
    clock.now += timedelta(days=1)
    assert users.any_way_in() is False
    clock.now -= timedelta(days=1)
    users.revoke_key(key.key_id)
    assert users.any_way_in() is False


@pytest.mark.parametrize(
    "token", ["", "gss_", "gsk_", "gss_x", "gsk_x", "x", "\ud800", "gsk_\ud800"]
)
def test_what_is_no_token_is_nobodys(token: str, users: Users) -> None:
    users.add("anna", PASSWORD, ["reviewer"], None)
    with pytest.raises(NotSignedIn):
        users.caller_of(token)


def test_a_name_that_is_none_or_may_be_a_personal_number_is_refused(users: Users) -> None:
    for name in ("", " ", "a b", "a/b", "a\nb", "x" * 65, "199001012385", "900101-2385", "a900101"):
        with pytest.raises(UsageError) as refused:
            users.add(name, PASSWORD, ["reviewer"], None)
        assert "900101" not in str(refused.value)


def test_names_differ_by_more_than_their_letters_case_or_form(users: Users) -> None:
    users.add("Åsa", PASSWORD, ["reviewer"], None)
    for same in ("åsa", "ÅSA", "A\u030asa", " åsa "):
        with pytest.raises(Conflict):
            users.add(same, PASSWORD, ["reviewer"], None)
        users.sign_in(same, PASSWORD)


def test_a_password_typed_on_another_keyboard_is_the_same(users: Users) -> None:
    users.add("anna", "lösenord på åtta ord", ["reviewer"], None)
    users.sign_in("anna", "lo\u0308senord pa\u030a a\u030atta ord")


def test_a_password_too_short_or_too_long_is_refused(users: Users) -> None:
    for password in ("", "x" * 11, "x" * 129):
        with pytest.raises(UsageError):
            users.add("anna", password, ["reviewer"], None)


def test_a_role_that_there_is_not_is_refused(users: Users) -> None:
    with pytest.raises(DeclarationError):
        users.add("anna", PASSWORD, ["root"], None)
    with pytest.raises(UsageError):
        users.add("anna", PASSWORD, [], None)


def test_nobody_unknown_is_changed_or_revoked(users: Users) -> None:
    for act in (
        lambda: users.change("user:0", disabled=True),
        lambda: users.revoke_key("key:0"),
        lambda: users.named("nobody"),
        lambda: users.key_named("nothing"),
    ):
        with pytest.raises(NotThere):
            act()


def test_lists_go_on_after_a_name(users: Users) -> None:
    names = sorted(f"user{chr(ord('a') + number)}" for number in range(7))
    for name in names:
        users.add(name, PASSWORD, ["reviewer"], None)
    found, after = list[str](), ""
    while page := users.everybody(after=after, limit=3):
        found += [user.name for user in page]
        after = page[-1].name
    assert found == names


@pytest.fixture(scope="module")
def emptied(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    database = Database(f"sqlite:///{tmp_path_factory.mktemp('users') / 'casework.sqlite'}")
    database.migrate()
    yield database
    database.close()


class Model:
    """Who may come in, as one would keep it in one's head."""

    def __init__(self) -> None:
        self.password = PASSWORD
        self.disabled = False
        self.sessions: dict[str, datetime] = {}
        self.failed: list[datetime] = []

    def rests(self, now: datetime) -> bool:
        return len(self.failed) >= FAILURES and now < self.failed[0] + WINDOW

    def sign_in(self, password: str, now: datetime) -> bool:
        if self.failed and now >= self.failed[0] + WINDOW:
            self.failed = []
        if self.rests(now):
            return False
        if password != self.password or self.disabled:
            self.failed.append(now)
            return False
        self.failed = []
        return True


PASSWORDS = st.sampled_from([PASSWORD, "another long one"])
ACTS = st.one_of(
    st.tuples(st.just("sign_in"), PASSWORDS),
    st.tuples(st.just("wait"), st.sampled_from([1, 400, 900, 5000, 28_800])),
    st.tuples(st.just("disable"), st.booleans()),
    st.tuples(st.just("password"), PASSWORDS),
    st.tuples(st.just("sign_out"), st.integers(0, 3)),
)


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(acts=st.lists(ACTS, min_size=5, max_size=25))
def test_whatever_comes_in_a_row_is_as_one_keeps_it_in_ones_head(
    acts: list[tuple[str, Any]], emptied: Database
) -> None:
    with emptied.writing() as session:
        for table in ("user_sessions", "sign_in_failures", "users"):
            session.execute(text(f"DELETE FROM {table}"))
    clock, model = Clock(), Model()
    users = Users(emptied, clock=clock, hasher=FAST)
    user_id = users.add("anna", PASSWORD, ["reviewer"], None).user_id
    for act, value in acts:
        if act == "sign_in":
            comes_in = model.sign_in(value, clock())
            try:
                opened = users.sign_in("anna", value)
                model.sessions[opened.token] = clock() + SESSION
                assert comes_in
            except SignInRefused:
                assert not comes_in
        elif act == "wait":
            clock.now += timedelta(seconds=value)
        elif act == "disable":
            model.disabled = value
            model.sessions = {} if value else model.sessions
            users.change(user_id, disabled=value)
        elif act == "password":
            model.password, model.sessions, model.failed = value, {}, []
            users.change(user_id, password=value)
        elif len(model.sessions) > value:
            token = list(model.sessions)[value]
            assert users.sign_out(token) is (model.sessions.pop(token) is not None)
        for token, expires_at in model.sessions.items():
            if clock() < expires_at:
                assert users.caller_of(token).user_id == user_id
            else:
                with pytest.raises(NotSignedIn):
                    users.caller_of(token)


def _at_once(act: Callable[[], object], times: int) -> None:
    failed = list[BaseException]()

    def careful() -> None:
        try:
            act()
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=careful) for _ in range(times)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
