"""How passwords are hashed, with the hasher of production."""

import threading
import time
import unicodedata

import bcrypt
import pytest
from django.contrib.auth.hashers import Argon2PasswordHasher, identify_hasher, make_password
from django.contrib.auth.tokens import default_token_generator
from django.core.management import call_command

from accounts import hashers, services
from accounts.errors import Refusal
from accounts.models import Attempts, User
from tests.accounts.conftest import NEW, admin_login, join, login, me, register, reset_form, set_password
from tests.conftest import assert_problem, at_once, client_of
from tests.factories import PASSWORD, UserFactory, make_user
from wrong_opinions import settings as production

NFC = "Tr\u00e8s-s\u00fbr-9-fili\u0121rane"
NFD = unicodedata.normalize("NFD", NFC)
WIDE = NFC.replace("9", "\uff19")
COSTS = Argon2PasswordHasher.memory_cost, Argon2PasswordHasher.time_cost


@pytest.fixture(autouse=True)
def quick_argon2(settings, monkeypatch):
    """Our hasher, with parameters that cost nothing."""
    settings.PASSWORD_HASHERS = production.PASSWORD_HASHERS
    for name, value in {"memory_cost": 64, "parallelism": 1, "time_cost": 1}.items():
        monkeypatch.setattr(Argon2PasswordHasher, name, value)


@pytest.fixture
def busy(monkeypatch):
    """Other threads hash as many passwords as a process may, and do not finish."""
    monkeypatch.setattr(hashers, "MAX_WAIT", 0)
    taken = [hashers._slots.acquire(timeout=10) for _ in range(hashers.MAX_HASHES)]
    yield
    for _ in taken:
        hashers._slots.release()


def test_few_threads_wait(db, busy):
    places = hashers.MAX_HASHES + hashers.MAX_WAITING
    taken = [hashers._places.acquire(timeout=10) for _ in range(places)]

    try:
        with pytest.raises(Refusal, match="busy checking passwords"):
            make_password("a password")
    finally:
        for _ in taken:
            hashers._places.release()


def before_normalizing(password):
    """A hash as it was made before passwords were normalized."""
    return Argon2PasswordHasher().encode(password, "a-salt-of-22-characters")


def test_passwords_are_hashed_with_argon2_which_costs_at_least_what_owasp_recommends():
    assert production.PASSWORD_HASHERS[0] == "accounts.hashers.PasswordHasher"
    assert COSTS >= (47104, 1)  # KiB and passes


@pytest.mark.parametrize("typed", [NFC, NFD, WIDE])
@pytest.mark.parametrize("chosen", [NFC, NFD, WIDE])
def test_a_password_is_the_same_however_its_characters_are_encoded(db, chosen, typed):
    user = UserFactory(username="ada", password=make_password(chosen))

    assert login(password=typed).status_code == 200
    assert user.check_password(typed)
    assert not user.check_password(typed.upper())


def test_every_way_to_choose_a_password_normalizes_it(client, db, monkeypatch):
    assert register(username="bea", email="bea@example.org", password=NFD).status_code == 201
    join(client, services.invite()[1], username="cleo", password1=NFD, password2=NFD)
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", NFD)
    call_command("createsuperuser", interactive=False, username="dora", email="dora@example.org", verbosity=0)
    eva, fay, gil = (make_user(username=name, is_staff=True) for name in ("eva", "fay", "gil"))
    client_of(eva).post("/api/auth/password", {"current_password": PASSWORD, "new_password": NFD})
    link = {"uid": services.encode_id(fay), "token": default_token_generator.make_token(fay)}
    client.post("/api/auth/password-reset/confirm", link | {"new_password": NFD}, content_type="application/json")
    client.force_login(User.objects.get(username="dora"))
    client.post(f"/admin/accounts/user/{gil.pk}/password/", {"password1": NFD, "password2": NFD})

    names = ["bea", "cleo", "dora", "eva", "fay", "gil"]
    assert [login(name, NFC).status_code for name in names] == [200] * len(names)


def test_a_common_password_is_common_in_full_width_letters_too(db):
    assert_problem(register(password="\uff50assword\uff11\uff12\uff13"), 422)


@pytest.mark.parametrize("typed", [NFC, NFD])
def test_an_older_password_that_was_not_normalized_still_works(db, typed):
    user = UserFactory(username="ada", password=before_normalizing(typed))

    assert user.check_password(typed)
    assert not user.check_password(typed + "x")
    assert login(password=typed).status_code == 200
    assert {login(password=NFC).status_code, login(password=NFD).status_code} == {
        200
    }  # as signing in replaces the hash


def test_replacing_a_hash_leaves_api_tokens_and_right_hashes_alone(db):
    user = UserFactory(username="ada", password=before_normalizing(NFD))
    _, secret = services.create_token(user, name="widget", scope="read")

    login(password=NFD)
    replaced = User.objects.get().password
    login(password=NFD)

    assert replaced != user.password
    assert User.objects.get().password == replaced
    assert services.find_token(secret, ["read"])


def as_fastapi(password):
    """The hash that the FastAPI version made of a password, with little work."""
    return f"bcrypt${bcrypt.hashpw(password.encode()[:72], bcrypt.gensalt(4)).decode()}"


@pytest.mark.parametrize("chosen", [PASSWORD, NFC, NFD, "x" * 100, "é" * 50])
def test_a_password_of_the_fastapi_version_works_and_is_hashed_as_others_at_the_first_sign_in(db, chosen):
    user = UserFactory(username="ada", password=as_fastapi(chosen))
    _, secret = services.create_token(user, name="widget", scope="read")

    assert login(password=f"y{chosen}").status_code == 401
    assert User.objects.get().password == user.password
    assert login(password=chosen).status_code == 200

    stored = User.objects.get()
    assert identify_hasher(stored.password).algorithm == "argon2"
    assert stored.check_password(chosen)
    assert services.find_token(secret, ["read"])
    assert login(password=chosen).status_code == 200
    assert User.objects.get().password == stored.password


def test_checks_of_old_hashes_are_bounded_too(db, busy):
    UserFactory(username="ada", password=as_fastapi(PASSWORD))

    assert_problem(login(), 429)


@pytest.mark.django_db(transaction=True)
def test_simultaneous_first_sign_ins_all_stay_signed_in():
    UserFactory(username="ada", password=as_fastapi(PASSWORD))

    tokens = at_once(3, lambda n: login().json()["access_token"])

    assert [me({"access_token": token}).status_code for token in tokens] == [200] * 3


def test_a_sign_in_undoes_no_new_password(db):
    stale = UserFactory(username="ada", password=as_fastapi(PASSWORD))
    services.change_password(User.objects.get(), NEW)

    assert services.rehash_password(stale, PASSWORD) is None
    assert User.objects.get().check_password(NEW)
    User.objects.all().delete()
    assert services.rehash_password(stale, PASSWORD) is None


def test_an_unknown_name_costs_as_many_hashes(db, monkeypatch):
    UserFactory(username="ada", password=make_password(NFC))
    hashed = []
    for name in ("encode", "verify"):
        original = getattr(Argon2PasswordHasher, name)
        monkeypatch.setattr(
            Argon2PasswordHasher, name, lambda *args, original=original: hashed.append(args[1]) or original(*args)
        )

    for wrong in ("wrong", NFD + "x"):
        login("ada", wrong)
        known = len(hashed)
        login("nobody", wrong)

        assert len(hashed) == 2 * known
        hashed.clear()


def test_few_passwords_are_hashed_at_once(monkeypatch):
    lock, running, most = threading.Lock(), [], []

    def encode(self, password, salt):
        with lock:
            running.append(password)
            most.append(len(running))
        time.sleep(0.01)
        with lock:
            running.remove(password)
        return "hash"

    monkeypatch.setattr(Argon2PasswordHasher, "encode", encode)

    count = hashers.MAX_HASHES + hashers.MAX_WAITING
    assert at_once(count, lambda n: make_password(f"password {n}")) == ["hash"] * count
    assert max(most) <= hashers.MAX_HASHES


@pytest.mark.parametrize("name", ["ada", "nobody"])
def test_a_sign_in_that_waits_too_long_is_refused_and_does_not_count(db, busy, settings, name):
    settings.LOGIN_RATE = "1/min"
    UserFactory(username="ada", password=before_normalizing(PASSWORD))

    for _ in range(2):  # neither counts, as nothing was checked
        response = login(name)

        assert_problem(response, 429)
        assert response.json()["code"] == "busy"
        assert response.headers["Retry-After"] == "0"
    assert all(row.times == [] for row in Attempts.objects.all())


def test_pages_say_that_the_server_is_busy(client, db, busy, settings):
    user = UserFactory(username="ada", is_staff=True, is_superuser=True, password=before_normalizing(PASSWORD))
    _, code = services.invite()
    answers = [admin_login(client), join(client, code), set_password(client, reset_form(client))]
    client.force_login(user)
    passwords = {"old_password": PASSWORD}
    for name in ("password1", "password2", "new_password1", "new_password2"):
        passwords[name] = NEW
    account = {"username": "bea", "email": "bea@example.org", "usable_password": "true"}
    answers += [
        client.post("/admin/password_change/", passwords),
        client.post(f"/admin/accounts/user/{user.pk}/password/", passwords),
        client.post("/admin/accounts/user/add/", account | passwords),
    ]

    for response in answers:
        assert (response.status_code, response.headers["Retry-After"]) == (429, "0")
        assert b"The server is busy checking passwords. Try again in" in response.content
    assert User.objects.get() == user
