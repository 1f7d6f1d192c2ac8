"""`compose.yaml` proven as far as it goes without an engine: its SQL, commands and environments, outside debug."""

import http.client
import json
import re
import secrets
from base64 import b32decode, b64encode
from collections.abc import Iterator
from contextlib import ExitStack
from http.cookies import SimpleCookie
from pathlib import Path
from shutil import rmtree
from typing import Any
from urllib.parse import urlencode

import psutil
import psycopg
import pytest
import redis
from django_otp.oath import TOTP

from cdp.core.embedded import postgres as embedded_postgres
from tests.flow.processes import ROOT, free_port, wait_for
from tests.flow.production import HEAD, Deployment, Running, Unset, shape, variables
from tests.flow.production_servers import Postgres, own_folder, own_postgres, own_redis

REQUIRED = {"SUPERUSER_PASSWORD", "OWNER_PASSWORD", "APP_PASSWORD", "SECRET_KEY", "ALLOWED_HOSTS"}
HOST = "cdp.example.com"
GIVEN = {name: secrets.token_hex(32) for name in REQUIRED} | {"ALLOWED_HOSTS": HOST, "CDP_COUNTRY": "DE"}
FROM_A_PROXY = {"Host": HOST, "X-Forwarded-Proto": "https"}
EMAIL = "canary.park@example.kr"
CREATE_SOURCE = "create_source shop --channel web"
PROCESSES = ("web", "worker", "beat")
# What a laptop sets, or what the image has otherwise.
NOT_IN_CONTAINERS = {
    "CDP_DEBUG", "CDP_DEMO_STORIES", "CDP_HOME", "CDP_POSTGRES_VERSION", "CDP_KEYRING", "CDP_STATIC_ROOT", "DATABASE_OWNER_URL",
}  # fmt: skip


# --- what the files say ---------------------------------------------------------------------------------------------


def settings_read() -> set[str]:
    """Every environment variable that the product reads, but for the machine's own."""
    sources = [ROOT / "cdp/settings.py", *(ROOT / "cdp/core").rglob("*.py")]
    reads = r"(?:os\.environ(?:\.get\(|\[)|_flag\(|_list\()\"([A-Z_]+)\""
    return {name for file in sources for name in re.findall(reads, file.read_text())} - {"JAVA_HOME"}


def test_every_setting_and_every_variable_is_in_the_example_and_nothing_else() -> None:
    listed = re.findall(r"^(?:# )?([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE)
    assert len(listed) == len(set(listed))
    wanted = {"DATABASE_URL", "REDIS_URL"} | settings_read() | variables().keys()
    assert set(listed) == wanted


def test_containers_are_given_every_setting_that_is_theirs() -> None:
    services = shape(GIVEN)["services"]
    for name in PROCESSES:
        assert settings_read() - NOT_IN_CONTAINERS <= services[name]["environment"].keys()


def test_the_head_says_what_to_do_in_an_order_that_works() -> None:
    commands = ("compose build", "make_keyring", "chown 10001", "compose up", "createsuperuser", CREATE_SOURCE)
    assert sorted(commands, key=HEAD.index) == list(commands)


def test_nothing_secret_has_a_default() -> None:
    assert {name for name, how in variables().items() if how == "?"} == REQUIRED
    for name in REQUIRED:
        with pytest.raises(Unset, match=name):
            shape(GIVEN | {name: ""})


def test_only_migrations_know_the_owner_and_only_who_opens_records_has_the_keyring() -> None:
    services = shape(GIVEN)["services"]
    assert {n for n, s in services.items() if GIVEN["OWNER_PASSWORD"] in json.dumps(s)} == {"postgres", "migrate"}
    assert {name for name, service in services.items() if service.get("secrets")} == {"web", "worker"}
    assert {name for name, service in services.items() if service.get("ports")} == {"web"}


def test_services_wait_for_what_can_say_that_it_is_ready() -> None:
    services = shape(GIVEN)["services"]
    for service in services.values():
        for name, wait in service.get("depends_on", {}).items():
            once = services[name]["restart"] == "no"
            assert wait["condition"] == ("service_completed_successfully" if once else "service_healthy")
            assert once or "healthcheck" in services[name]
    assert all({"migrate", "redis"} <= services[name]["depends_on"].keys() for name in PROCESSES)


def test_the_image_takes_no_local_file_and_is_nobody_special() -> None:
    dockerfile = shape(GIVEN)["services"]["migrate"]["build"]["dockerfile_inline"]
    ignored = (ROOT / ".dockerignore").read_text().split()
    assert {".*", "keyring.json"} <= set(ignored)
    copied = [name for line in re.findall(r"^COPY (.+) \S+$", dockerfile, re.MULTILINE) for name in line.split()]
    assert copied[-1] == "." and all((ROOT / name).exists() for name in copied)
    assert dockerfile.split()[-2:] == ["USER", "10001"]
    assert "--extra aws" in dockerfile, "a root key may stay in AWS KMS"


def test_the_database_s_log_is_as_silent_as_the_embedded_one_s() -> None:
    command = shape(GIVEN)["services"]["postgres"]["command"]
    said = dict(re.findall(r"-c (\S+)=(\S+)", command))
    silent = {name: value for name, value in embedded_postgres.SETTINGS.items() if name.startswith("log_")}
    assert {name: said.get(name) for name in silent if name != "log_timezone"} == {
        name: value for name, value in silent.items() if name != "log_timezone"
    }


# --- what runs --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with own_folder() as folder:
        yield folder


@pytest.fixture(scope="module")
def database(folder: Path) -> Iterator[Postgres]:
    file = shape(GIVEN)
    with own_postgres(folder, file["services"]["postgres"], file["configs"]["roles"]["content"]) as server:
        yield server


@pytest.fixture(scope="module")
def deployment(folder: Path, database: Postgres) -> Iterator[Deployment]:
    """Servers, a keyring made as the head of the file says, and migrated tables."""
    with own_redis(folder, shape(GIVEN)["services"]["redis"]) as redis_port:
        here = {
            "@postgres/": f"@127.0.0.1:{database.port}/", "redis:6379": f"127.0.0.1:{redis_port}",
            "/run/secrets/keyring": f"{folder}/keyring.json", ":8000": f":{free_port()}", "0.0.0.0": "127.0.0.1",  # noqa: S104
            "/tmp/cdp": f"{folder}/home",  # noqa: S108
        }  # fmt: skip
        made = Deployment(GIVEN, here, folder)
        (folder / "keyring.json").write_text(new_keyring(made))
        made.start("migrate").printed()
        yield made


def new_keyring(deployment: Deployment) -> str:
    """By the command of the head comment, in a container that no service describes: no server is there, and none starts."""
    found = re.search(r"docker run --rm cdp (python .+?make_keyring) > keyring.json", HEAD)
    assert found is not None
    printed = Running(found[1].split(), deployment.image, deployment.folder).printed()
    assert {file.name for file in (deployment.folder / "home").glob("*")} <= {"django-secret"}
    # The next container starts without it.
    rmtree(deployment.folder / "home")
    return printed


@pytest.fixture(scope="module")
def running(deployment: Deployment) -> Iterator[dict[str, Running]]:
    """Web, beat, and once beat has sent something the worker."""
    with ExitStack() as stack:
        up = {name: stack.enter_context(deployment.running(name)) for name in ("web", "beat")}
        broker = redis.Redis.from_url(deployment.environment("beat")["REDIS_URL"])
        wait_for(lambda: up["beat"].is_over() or bool(broker.llen("celery")), 60)
        up["worker"] = stack.enter_context(deployment.running("worker"))
        wait_for(lambda: up["web"].is_over() or is_healthy(deployment, "web"), 60)
        assert [name + one.said() for name, one in up.items() if one.is_over()] == []
        yield up


@pytest.fixture(scope="module")
def made(deployment: Deployment, running: dict[str, Running]) -> dict[str, str]:
    """By the commands that an operator gives in the web container: a source, a key, an account, Django's own opinion."""
    password = {"DJANGO_SUPERUSER_PASSWORD": "p-" + GIVEN["SECRET_KEY"]}
    commands = {
        "write key": deployment.manage(CREATE_SOURCE),
        "key": deployment.manage("create_service_key tool --scope profiles:lookup"),
        "account": deployment.manage("createsuperuser --noinput --username root --email root@example.com", **password),
        "check": deployment.manage("check --deploy --fail-level WARNING"),
    }
    return {name: running.printed() + running.said() for name, running in commands.items()} | password


def is_healthy(deployment: Deployment, service: str) -> bool:
    """What the service's health check says, run in its container as the engine does."""
    return deployment.start(service, deployment.health_check(service)).ended() == 0


def ask(deployment: Deployment, method: str, path: str, body: Any = None, **headers: str) -> http.client.HTTPResponse:
    """One request as the proxy passes it on; the answer is read.

    It comes from an address that gunicorn does not trust by itself, as that of a container's gateway.
    """
    address = deployment.places["0.0.0.0"] + deployment.places[":8000"]  # noqa: S104
    connection = http.client.HTTPConnection(address, timeout=20, source_address=("127.0.0.2", 0))
    connection.request(method, path, body, FROM_A_PROXY | headers)
    answer = connection.getresponse()
    answer.text = answer.read().decode()
    connection.close()
    return answer


def test_the_owner_owns_the_tables_and_the_application_owns_nothing(database: Postgres, deployment: Deployment) -> None:
    with database.superuser("cdp") as connection:
        owners = connection.execute("select distinct tableowner from pg_tables where schemaname in ('public', 'keys')")
        assert owners.fetchall() == [("cdp_owner",)]
        roles = connection.execute(
            "select rolname from pg_roles where rolname like 'cdp%' and (rolsuper or rolcreaterole)"
        )
        assert roles.fetchall() == []
        strings = "select datlocprovider, datlocale from pg_database where datname = 'cdp'"
        assert connection.execute(strings).fetchone() == ("b", "C.UTF-8")


def test_a_role_needs_its_password(database: Postgres, deployment: Deployment) -> None:
    url = deployment.environment("web")["DATABASE_URL"]
    with psycopg.connect(url) as connection:
        assert connection.execute("select current_user").fetchone() == ("cdp_app",)
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(url.replace(GIVEN["APP_PASSWORD"], "wrong"))


def test_django_has_nothing_to_warn_of(made: dict[str, str]) -> None:
    assert "no issues (0 silenced)" in made["check"]


def test_a_posted_event_becomes_a_profile(
    deployment: Deployment, made: dict[str, str], running: dict[str, Running], database: Postgres
) -> None:
    event = {"type": "identify", "userId": "u1", "messageId": "m1", "traits": {"email": EMAIL}}
    key = b64encode(f"{made['write key'].strip()}:".encode()).decode()
    # SDKs take a redirect for a delivery: this door answers whatever the proxy says.
    sent = {"Authorization": f"Basic {key}", "X-Forwarded-Proto": "http"}
    answer = ask(deployment, "POST", "/v1/batch", json.dumps({"batch": [event]}), **sent)
    assert (answer.status, answer.text) == (200, '{"success":true}')
    wait_for(lambda: len(found(deployment, made["key"])) == 1, 20)
    with database.superuser("cdp") as connection:
        wait_for(lambda: one(connection, "select count(*) from profiles_golden") == 1, 20)
        # A connection that is being made has no user yet.
        users = "select array_agg(distinct usename::text) from pg_stat_activity where client_port > 0 and usename <> ''"
        assert one(connection, users) == ["cdp_app"]


def one(connection: "psycopg.Connection[Any]", query: str) -> Any:
    return connection.execute(query).fetchone()[0]


def found(deployment: Deployment, key: str) -> list[str]:
    """The profiles of the e-mail address, asked for over REST."""
    headers = {"Authorization": f"Bearer {key.strip()}", "Content-Type": "application/json"}
    answer = ask(deployment, "POST", "/api/v1/profiles/lookup", json.dumps({"email": EMAIL}), **headers)
    assert answer.status == 200, answer.text
    return list(json.loads(answer.text)["profiles"])


def test_who_signs_in_through_the_proxy_gets_a_page_and_its_style(
    deployment: Deployment, made: dict[str, str], running: dict[str, Running]
) -> None:
    assert ask(deployment, "GET", "/login/", **{"X-Forwarded-Proto": "http"}).status == 301
    page = ask(deployment, "GET", "/login/")
    token, cookies = re.search(r'csrfmiddlewaretoken" value="(\w+)"', page.text), cookies_of(page)
    assert token is not None and cookies["csrftoken"]["secure"]
    form = {"username": "root", "password": made["DJANGO_SUPERUSER_PASSWORD"], "csrfmiddlewaretoken": token[1]}
    sent = {"Origin": f"https://{HOST}", "Cookie": f"csrftoken={cookies['csrftoken'].value}"}
    sent["Content-Type"] = "application/x-www-form-urlencoded"
    signed_in = ask(deployment, "POST", "/login/", urlencode({**form, "next": "/"}), **sent)
    assert signed_in.status == 302, signed_in.text[-2000:]
    session = cookies_of(signed_in)["sessionid"]
    assert session["secure"] and session["httponly"]
    opened = with_second_factor(deployment, cookies_of(signed_in), sent)
    assert ask(deployment, "GET", "/", Cookie=f"sessionid={opened}").status == 200
    styles = re.findall(r'href="(/static/[^"]+\.css)"', page.text)
    assert styles
    for style in styles:
        answer = ask(deployment, "GET", style)
        assert (answer.status, answer.headers.get_content_type()) == (200, "text/css"), style


def with_second_factor(deployment: Deployment, cookies: SimpleCookie, sent: dict[str, str]) -> str:
    """The session of a superuser, whom a password alone shows nothing, once the second factor is set up."""
    held = {"Cookie": "; ".join(f"{name}={cookies[name].value}" for name in ("sessionid", "csrftoken"))}
    assert ask(deployment, "GET", "/", **held).status == 302
    page = ask(deployment, "GET", "/second-factor/", **held)
    (secret,) = re.findall(r"<code>([A-Z2-7]{32})</code>", page.text)
    token = re.search(r'csrfmiddlewaretoken" value="(\w+)"', page.text)
    assert token is not None, page.text
    code = f"{TOTP(b32decode(secret)).token():06d}"
    form = urlencode({"code": code, "next": "/", "csrfmiddlewaretoken": token[1]})
    answer = ask(deployment, "POST", "/second-factor/", form, **sent | held)
    assert answer.status == 302, answer.text[-2000:]
    return str(cookies_of(answer)["sessionid"].value)


def cookies_of(answer: http.client.HTTPResponse) -> SimpleCookie:
    cookies = SimpleCookie()
    for header in answer.headers.get_all("Set-Cookie") or []:
        cookies.load(header)
    return cookies


OWNER = {"DATABASE_URL": "postgresql://cdp_owner:{OWNER_PASSWORD}@postgres/cdp"}
REFUSED = {
    "web as the owner": ("web", OWNER, "connect as a role that owns nothing"),
    "worker as the owner": ("worker", OWNER, "connect as a role that owns nothing"),
    "web without a keyring": ("web", {"CDP_KEYRING_FILE": "/nonexistent"}, "make one with `manage.py make_keyring`"),
    "web with a keyring it cannot read": ("web", {"CDP_KEYRING_FILE": "/"}, "let the user of this process read"),
}


@pytest.fixture(scope="module")
def refused(deployment: Deployment) -> Iterator[dict[str, Running]]:
    """All at once, which takes a third of the time."""
    places = deployment.places | {":8000": f":{free_port()}"}
    elsewhere = Deployment(deployment.variables, places, deployment.folder)
    given = {
        name: {key: elsewhere.here(value.format_map(GIVEN)) for key, value in changed.items()}
        for name, (_, changed, _) in REFUSED.items()
    }
    with ExitStack() as stack:
        yield {
            name: stack.enter_context(elsewhere.running(REFUSED[name][0], **changed)) for name, changed in given.items()
        }


@pytest.mark.parametrize("case", REFUSED)
def test_it_refuses_to_start_and_says_what_to_do(case: str, refused: dict[str, Running]) -> None:
    assert refused[case].ended(30) != 0
    assert REFUSED[case][2] in refused[case].said()


def test_no_log_holds_a_value_or_an_error(
    database: Postgres, deployment: Deployment, running: dict[str, Running]
) -> None:
    with psycopg.connect(deployment.environment("web")["DATABASE_URL"]) as connection, pytest.raises(psycopg.DataError):
        connection.execute(f"select '{EMAIL}'::int")
    for said in (database.log.read_text(), *(one.said() for one in running.values())):
        assert "canary" not in said and "Traceback" not in said and "ERROR" not in said


def test_all_end_when_told_to(deployment: Deployment, running: dict[str, Running]) -> None:
    families = [psutil.Process(one.process.pid) for one in running.values()]
    families += [child for parent in families for child in parent.children(recursive=True)]
    assert len(families) > 3 + 4
    for one in running.values():
        one.process.terminate()
    assert {name: one.ended(30) for name, one in running.items()} == dict.fromkeys(running, 0)
    assert not (deployment.folder / "home").exists(), "a container's files are gone with it"
    assert [one for one in families if one.is_running() and one.status() != psutil.STATUS_ZOMBIE] == []
