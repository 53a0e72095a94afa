"""Services of a run, of `labkit up` and of pytest-xdist: who shares them, and who stops them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

import pytest_labkit
from pytest_labkit import services
from pytest_labkit.domain.errors import ServiceFailed, UsageProblem
from pytest_labkit.faults.faults import Faults
from pytest_labkit.faults.process import ProxyProcess
from pytest_labkit.host import processes
from pytest_labkit.host.settings import Settings
from pytest_labkit.services import Services, backends, guard, registry, works


@pytest.fixture(name="settings")
def _local(settings: Settings) -> Settings:
    """As processes of this machine: quick to come and go."""
    return replace(settings, backend="local")


@pytest.fixture
def python(settings: Settings) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Runs code in another process, with `settings` and `Services` at hand; killed after the test."""
    before = (
        "import os, sys, time; from pathlib import Path; from pytest_labkit import services\n"
        "from pytest_labkit.host import settings as s\n"
        f"settings = s.resolve(Path({str(settings.root)!r}), options={{'backend': 'local'}})\n"
    )
    started = []

    def python(code: str, **environ: str) -> subprocess.Popen[str]:
        started.append(
            subprocess.Popen(
                [sys.executable, "-c", before + code],
                stdout=subprocess.PIPE,
                text=True,
                env={**os.environ, "PYTHONPATH": str(Path(pytest_labkit.__file__).parents[1]), **environ},
            )
        )
        return started[-1]

    yield python
    for process in started:
        process.kill()
        process.communicate()


def eventually(look: Callable[[], bool], *, within_s: float = 20) -> bool:
    """Whether *look* becomes true in time."""
    deadline = time.monotonic() + within_s
    while not (true := look()) and time.monotonic() < deadline:
        time.sleep(0.05)
    return true


def line(process: subprocess.Popen[str]) -> str:
    """The next line that it prints."""
    assert process.stdout is not None
    return process.stdout.readline().strip()


def gone(address: str) -> bool:
    """Whether no program listens at the Redis URL *address* any more."""
    port = int(address.rpartition(":")[2].partition("/")[0])
    return processes._is_free(port)


def test_nothing_is_touched_before_a_service_is_asked_for(settings: Settings) -> None:
    """Making and closing Services leaves no trace, and closing twice is fine."""
    with Services(settings) as run:
        run.close()
    assert [] == list(settings.root.iterdir())


def test_a_service_is_started_once_and_stopped_with_the_run(settings: Settings) -> None:
    """Asked for again it is the same; what was never asked for is not healthy."""
    with Services(settings) as run:
        endpoint = run.endpoint("redis")
        assert endpoint == run.start(["redis", "redis"])["redis"]
        assert run.healthy("redis")
        assert not run.healthy("kafka")
        assert [] != run.log_tail("redis")
        assert [] == run.log_tail("kafka")
    assert gone(endpoint.address)
    assert not run.healthy("redis")
    assert [] == list(guard.folder(settings.root).glob("*.json"))


def test_an_unknown_service_is_a_wrong_usage(settings: Settings) -> None:
    """The message names those that there are."""
    with pytest.raises(
        UsageProblem, match=r"no service 'rabbit'\.\nThe services are kafka, dynamodb, redis, search\."
    ):
        Services(settings).start(["rabbit"])


def test_a_run_uses_what_up_keeps_and_leaves_it(settings: Settings) -> None:
    """Found by the checkout's state file; still there after the run; gone after down."""
    (kept,) = services.up(settings, ["redis"])
    with Services(settings) as run:
        assert kept == run.endpoint("redis")
    (found,) = services.status(settings)
    assert (kept, True) == (found.endpoint, found.works)
    assert ["redis"] == services.down(settings)
    assert [] == services.status(settings)
    assert [] == services.down(settings)
    assert gone(kept.address)


def test_auto_takes_the_backend_that_up_runs(settings: Settings) -> None:
    """No daemon is asked when something runs already."""
    services.up(settings, ["redis"])
    choice = services.choose(replace(settings, backend="auto"))
    assert services.Choice("local", "labkit up started it") == choice


def test_up_keeps_what_works(settings: Settings) -> None:
    """The second up starts nothing, and says so."""
    said: list[str] = []
    first = services.up(settings, ["redis"])
    assert first == services.up(settings, ["redis"], say=said.append)
    assert ["redis runs already"] == said


def test_what_was_kept_outlives_the_process_that_started_it(
    settings: Settings, python: Callable[..., subprocess.Popen[str]]
) -> None:
    """And no guard ends it."""
    up = python("print(services.up(settings, ['redis'])[0].address, flush=True)")
    address = line(up)
    assert 0 == up.wait(30)
    assert [] == list(guard.folder(settings.root).glob("*.json"))  # nothing that a guard would look at
    assert not gone(address)
    assert [True] == [service.works for service in services.status(settings)]


def test_a_kept_service_that_died_is_not_used(settings: Settings) -> None:
    """A run starts its own, status says so, and up starts it anew."""
    (kept,) = services.up(settings, ["redis"])
    (process,) = registry.kept(settings.root).services()["redis"]["processes"]
    processes.stop([process], grace_s=0)
    with Services(settings) as run:
        assert kept.address != run.endpoint("redis").address
    (found,) = services.status(settings)
    assert not found.works
    assert () != found.log_tail
    said: list[str] = []
    (anew,) = services.up(settings, ["redis"], say=said.append)
    assert works(anew)
    assert ["redis is started anew: what ran does not work any more, or is not what is asked for"] == said


def test_a_kept_service_that_hangs_is_not_used(settings: Settings) -> None:
    """Its process runs and its port is open, but no round trip works."""
    (kept,) = services.up(settings, ["redis"])
    (process,) = registry.kept(settings.root).services()["redis"]["processes"]
    psutil.Process(process["pid"]).suspend()
    with Services(settings) as run:
        assert kept.address != run.endpoint("redis").address
    assert ["redis"] == services.down(settings)
    assert gone(kept.address)


def test_an_unreadable_state_file_is_an_empty_one(settings: Settings) -> None:
    """Half a file from another tool stops nobody."""
    file = settings.root / ".labkit" / "services.json"
    file.parent.mkdir()
    file.write_text('{"services": ')
    assert [] == services.status(settings)
    (kept,) = services.up(settings, ["redis"])
    assert {"redis"} == set(json.loads(file.read_text())["services"])
    assert works(kept)


def test_a_kafka_with_too_few_brokers_is_not_used(settings: Settings) -> None:
    """A lab that needs more starts its own; one that needs fewer takes what is there."""
    endpoint = services.Endpoint("kafka", "local", "4.4.0", "127.0.0.1:1,127.0.0.1:2,127.0.0.1:3")
    running = backends.backend_of("local").find(
        {"endpoint": vars(endpoint), "folder": str(settings.root), "note": None, "processes": [], "logs": []},
        settings,
    )
    assert backends.serves(running, 1)
    assert backends.serves(running, 3)
    assert not backends.serves(running, 4)
    assert not backends.serves(None, 1)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_killed_run_leaves_nothing(
    settings: Settings, python: Callable[..., subprocess.Popen[str]], number: signal.Signals
) -> None:
    """Its services end soon after it, their notes and folders too."""
    run = python("print(services.Services(settings).endpoint('redis').address, flush=True); time.sleep(60)")
    address = line(run)
    (note,) = guard.folder(settings.root).glob("*.json")
    folder = Path(json.loads(note.read_text())["folder"])
    assert not gone(address)
    run.send_signal(number)
    assert eventually(lambda: gone(address) and not note.exists() and not folder.exists())


def test_a_run_interrupted_while_it_starts_leaves_nothing(
    settings: Settings, python: Callable[..., subprocess.Popen[str]]
) -> None:
    """Ctrl-C is not waited out, and what was being started goes."""
    run = python("print('here', flush=True); services.Services(settings).endpoint('kafka')")
    assert "here" == line(run)
    assert eventually(lambda: any(guard.folder(settings.root).glob("kafka-*.json")))
    (note,) = guard.folder(settings.root).glob("kafka-*.json")
    assert eventually(lambda: json.loads(note.read_text())["processes"] != [])
    (broker,) = json.loads(note.read_text())["processes"]
    run.send_signal(signal.SIGINT)
    assert -signal.SIGINT == run.wait(10)
    assert eventually(lambda: processes.find(broker) is None and not note.exists())


def test_workers_of_one_run_share_one_set(
    settings: Settings, python: Callable[..., subprocess.Popen[str]]
) -> None:
    """Four workers that start at once have one Redis; it goes with the last of them."""
    environ = {"PYTEST_XDIST_TESTRUNUID": "run1", "PYTEST_XDIST_WORKER": "gw0"}
    workers = [
        python(
            "with services.Services(settings) as run:\n"
            "    print(run.endpoint('redis').address, flush=True)\n"
            f"    while not Path(settings.root, 'leave-{number}').exists(): time.sleep(0.05)\n",
            **environ,
        )
        for number in range(4)
    ]
    (address,) = {line(worker) for worker in workers}
    for number, worker in enumerate(workers):
        assert not gone(address)
        (settings.root / f"leave-{number}").touch()
        assert 0 == worker.wait(30)
    assert gone(address)
    assert [] == list((settings.root / ".labkit" / "shared").glob("*.json"))


def test_a_worker_that_was_killed_is_not_waited_for(
    settings: Settings, python: Callable[..., subprocess.Popen[str]]
) -> None:
    """The last worker that is left stops what they shared."""
    environ = {"PYTEST_XDIST_TESTRUNUID": "run1", "PYTEST_XDIST_WORKER": "gw0"}
    code = "run = services.Services(settings); print(run.endpoint('redis').address, flush=True)\n"
    killed = python(code + "time.sleep(60)", **environ)
    address = line(killed)
    last = python(
        code + "while not Path(settings.root, 'leave').exists(): time.sleep(0.05)\nrun.close()", **environ
    )
    assert address == line(last)
    killed.kill()
    killed.wait(30)
    (settings.root / "leave").touch()
    assert 0 == last.wait(30)
    assert gone(address)


def test_two_checkouts_do_not_share(settings: Settings, tmp_path: Path) -> None:
    """What one keeps is not used, and not stopped, by the other."""
    (tmp_path / "other").mkdir()
    other = replace(settings, root=tmp_path / "other")
    (kept,) = services.up(settings, ["redis"])
    with Services(other) as run:
        assert kept.address != run.endpoint("redis").address
    assert [] == services.down(other)
    assert works(kept)


def test_one_that_fails_does_not_take_the_others_along(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error is that of the one; the other is ready, and is stopped with the run."""
    server = tmp_path / "bin" / "redis-server"
    server.parent.mkdir()
    server.write_text("#!/bin/sh\nexit 3\n")
    server.chmod(0o755)
    monkeypatch.setenv("PATH", str(server.parent))
    said: list[str] = []
    with Services(settings, said.append) as run:
        with pytest.raises(ServiceFailed, match="redis is not ready"):
            run.start(["redis", "dynamodb"])
        assert run.healthy("dynamodb")
    assert "Starting redis once more, on another port." == said[0].splitlines()[-1]


def test_pytest_xdist_shares_one_set(settings: Settings, tmp_path: Path) -> None:
    """With pytest -n 3 every worker has the same Redis, and afterwards it is gone."""
    (tmp_path / "test_it.py").write_text(
        "import time\n"
        "from pathlib import Path\n"
        "import pytest\n"
        "from pytest_labkit import services; from pytest_labkit.host import settings\n"
        "@pytest.fixture(scope='session')\n"
        "def redis(worker_id):\n"
        f"    root = Path({str(settings.root)!r})\n"
        "    with services.Services(settings.resolve(root, options={'backend': 'local'})) as run:\n"
        "        address = run.endpoint('redis').address\n"
        f"        joined = Path({str(tmp_path)!r})\n"
        "        (joined / f'{worker_id}.joined').touch()\n"
        "        end = time.monotonic() + 90\n"
        "        while len(list(joined.glob('*.joined'))) < 3 and time.monotonic() < end: time.sleep(0.05)\n"
        "        yield address\n"
        "@pytest.mark.parametrize('number', range(9))\n"
        "def test_it(redis, number, worker_id):\n"
        f"    Path({str(tmp_path)!r}, f'{{worker_id}}-{{number}}.seen').write_text(redis)\n"
    )
    ended = subprocess.run(
        [sys.executable, "-m", "pytest", "-n", "3", "-p", "no:cacheprovider", "-q", str(tmp_path)],
        env={**os.environ, "PYTHONPATH": str(Path(pytest_labkit.__file__).parents[1])},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert 0 == ended.returncode, ended.stdout
    seen = list(tmp_path.glob("*.seen"))
    assert 9 == len(seen)
    assert 1 < len({file.name.partition("-")[0] for file in seen})
    (address,) = {file.read_text() for file in seen}
    assert gone(address)
    assert [] == list(guard.folder(settings.root).glob("*.json"))


def test_what_is_kept_and_was_killed_on_purpose_is_still_kept(settings: Settings) -> None:
    """A run that kills and mends a service of `labkit up` leaves it to the next run, and to `labkit down`."""
    services.up(settings, ["redis"])
    with Services(settings) as run:
        address = run.endpoint("redis").address
        assert run.are_shared
        relay = ProxyProcess()
        faults = Faults(run, ["redis"], {}, relay, seed=1)
        faults.redis.restart()
        faults.close()
        relay.close()
    with Services(settings) as run:
        assert address == run.endpoint("redis").address
    assert [True] == [kept.works for kept in services.status(settings)]
    (process,) = registry.kept(settings.root).services()["redis"]["processes"]
    services.down(settings)
    assert processes.find(process) is None
