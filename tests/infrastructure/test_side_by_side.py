"""Two checkouts, two runs in one checkout, and workers of pytest-xdist, at once on one machine."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import urlsplit

from pytest_labkit.host import settings
from pytest_labkit.services import Services
from pytest_labkit.session import dynamodb
from tests.infrastructure.conftest import STORE, TESTS, Course, eventually

MEETING = """
def before_A2():
    import os, pathlib, time
    place = pathlib.Path({place!r})
    (place / str(os.getpid())).touch()
    end = time.monotonic() + 60
    while len(list(place.iterdir())) < {count} and time.monotonic() < end:
        time.sleep(0.02)
"""


def meet(course: Course, place: Path, count: int) -> None:
    """Have the tests of A2 wait for each other, so that so many runs are known to be at it at once."""
    place.mkdir(exist_ok=True)
    course.before_a2(MEETING.format(place=str(place), count=count))


def test_f09_two_checkouts_and_two_runs_in_one(course: Course, another: Course, tmp_path: Path) -> None:
    """Three runs, one of them with -n 2: each is right, each has a report, and nothing is left of any."""
    for checkout in (course, another):
        meet(checkout, tmp_path / "meeting", 3)
    runs = [course.begin(), course.begin("-n", "2"), another.begin()]
    said = [run.communicate(timeout=200)[0] for run in runs]
    assert [0, 0, 0] == [run.returncode for run in runs], said
    for checkout in (course, another):
        assert {"A1": "passed", "A2": "passed", "A3": "passed"} == checkout.verdicts
        assert ([], []) == (checkout.left(), checkout.notes())
    assert 3 == len(list((tmp_path / "meeting").iterdir()))


def test_f09_a_run_beside_a_killed_one(course: Course, another: Course) -> None:
    """What one checkout sweeps up is nothing of the other's, whose run goes on."""
    run = another.until_it_waits()
    (note,) = another.notes()
    killed = course.until_it_waits()
    killed.kill()
    killed.wait(30)
    course.before_a2("def before_A2():\n    pass\n")
    assert 0 == course.run()[0]
    assert [note] == another.notes()
    assert run.poll() is None
    assert [] != another.left()


def test_f21_workers_share_one_server(course: Course, tmp_path: Path) -> None:
    """With -n 3 one Redis is started for tests that all three are at at once, and it is gone afterwards."""
    meeting = tmp_path / "meeting"
    meeting.mkdir()
    course.tests = TESTS.replace(
        "def test_store(answers, redis)",
        "@pytest.mark.parametrize('number', range(3))\ndef test_store(answers, redis, number)",
    ).replace(
        "    before_A2()", '    before_A2()\n    print(redis.address, file=open(f"address-{number}", "w"))'
    )
    course.before_a2(MEETING.format(place=str(meeting), count=3))
    code, said = course.run("-n", "3", "--dist", "each")
    assert 0 == code, said
    assert 3 == len(list(meeting.iterdir()))
    ports = {urlsplit(path.read_text().strip()).port for path in course.root.glob("address-*")}
    assert 1 == len(ports)
    assert eventually(lambda: ([], []) == (course.left(), course.notes()))


def test_f20_what_an_earlier_run_stored_is_not_seen(course: Course) -> None:
    """On services that labkit up keeps: the second run finds nothing of the first's."""
    assert 0 == course.run("labkit", "up", "tiny", "--backend", "local")[0]
    emptied = "assert client.dbsize() == 0; client.set(key, word)"
    course.write("store.py", STORE.replace("client.set(key, word)", emptied))
    for _ in range(3):
        code, said = course.run()
        assert 0 == code, said


def test_f20_each_test_has_a_dynamodb_of_its_own(tmp_path: Path) -> None:
    """What one test has left, another does not see, nor one that runs at the same time."""
    with Services(settings.resolve(tmp_path, options={"backend": "local"})) as run:
        with run.own("dynamodb") as endpoint:
            first = dynamodb.DynamoDBSandbox(endpoint, {})
            first.create_table("left", partition_key=("id", "S"))
            at_once = Services(settings.resolve(tmp_path, options={"backend": "local"}))
            with at_once, at_once.own("dynamodb") as other:
                assert [] == dynamodb.DynamoDBSandbox(other, {}).client.list_tables()["TableNames"]
        with run.own("dynamodb") as again:
            assert [] == dynamodb.DynamoDBSandbox(again, {}).client.list_tables()["TableNames"]


def test_f20_tables_of_others_are_not_touched(tmp_path: Path) -> None:
    """An external DynamoDB that does not tell access keys apart keeps what the kit did not make."""
    with Services(settings.resolve(tmp_path, options={"backend": "local"})) as elsewhere:
        environ = {**os.environ, **elsewhere.endpoint("dynamodb").env}
        mine = dynamodb.DynamoDBSandbox(elsewhere.endpoint("dynamodb"), {})
        mine.create_table("somebody-s", partition_key=("id", "S"))
        external = settings.resolve(tmp_path / "other", options={"backend": "external"}, environ=environ)
        with Services(external) as run:
            sandbox = dynamodb.DynamoDBSandbox(run.endpoint("dynamodb"), {})
            sandbox.create_table("event-store", partition_key=("id", "S"))
            sandbox.close()
        assert ["labkit-probe", "somebody-s"] == sorted(mine.client.list_tables()["TableNames"])
