"""Experiments carried out by the real `chaos`, on the real services: each action, each probe, each end."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from pytest_labkit import expect
from pytest_labkit.chaos import probes, reading
from pytest_labkit.chaos.experiment import Experiment, Journal
from pytest_labkit.domain.errors import Mistake
from pytest_labkit.systems.under_test import UnderTest

pytestmark = pytest.mark.exhaustive
RUN_S = 60


def activity(func: str, pause_s: float = 0, **arguments: Any) -> dict[str, Any]:
    """An action, or a probe, of the kit's."""
    kind = "probes" if func in probes.__all__ else "actions"
    module = f"pytest_labkit.chaos.{kind}"
    provider = {"type": "python", "module": module, "func": func, "arguments": arguments}
    return {"type": kind[:-1], "name": func, "provider": provider, "pauses": {"after": pause_s}}


def written(tmp_path: Path, *method: dict[str, Any], rollbacks: Any = (), probe: Any = None) -> Experiment:
    """An experiment with this *method*; its hypothesis is *probe*, which has a tolerance."""
    content = {"title": "mine", "description": "mine", "method": list(method), "rollbacks": list(rollbacks)}
    if probe is not None:
        content["steady-state-hypothesis"] = {"title": "calm", "probes": [probe]}
    file = tmp_path / "mine.json"
    file.write_text(json.dumps(content))
    return Experiment(file, content)


def run(shop: UnderTest, tmp_path: Path, *method: dict[str, Any], **given: Any) -> Journal:
    """What `chaos` says of a run of *method* to its end."""
    found = written(tmp_path, *method, **given).start(shop.file, tmp_path / "run").wait(RUN_S)
    shop.catch_up()
    return found


def statuses(journal: Journal) -> list[str]:
    """How each step of the method ended."""
    return [step["status"] for step in journal.runs]


def took(port: int) -> float:
    """How long payment takes to answer at *port*."""
    began = time.monotonic()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", "/ping")
    connection.getresponse().read()
    connection.close()
    return time.monotonic() - began


def test_a_killed_service_is_started_again(shop: UnderTest, tmp_path: Path) -> None:
    """By another process, which others then find under its new number."""
    before = shop.member("payment").pid
    steps = (activity("kill", service="payment"), activity("is_healthy", service="order"))
    back = (activity("start", service="payment"), activity("is_healthy", service="order", within=20))
    journal = run(shop, tmp_path, *steps, *back)
    assert ([False, True], ["succeeded"] * 4) == (journal.outputs("is_healthy"), statuses(journal))
    assert shop.runs("payment")
    assert before != shop.member("payment").pid


def test_a_paused_service_goes_on(shop: UnderTest, tmp_path: Path) -> None:
    """Paused it answers nobody, resumed it does."""
    steps = (activity("pause", service="payment"), activity("is_healthy", service="payment"))
    back = (activity("resume", service="payment"), activity("is_healthy", service="payment", within=5))
    assert [False, True] == run(shop, tmp_path, *steps, *back).outputs("is_healthy")


@pytest.mark.parametrize(
    ("begin", "end"),
    [("partition", "heal"), ("drop_connections", "restore_connections"), ("add_latency", "remove_latency")],
)
def test_a_way_is_broken_and_mended(begin: str, end: str, shop: UnderTest, tmp_path: Path) -> None:
    """Order does not reach payment in time, and then it does."""
    way = {"caller": "order", "callee": "payment"}
    more = {"seconds": 2} if begin == "add_latency" else {}
    steps = (activity(begin, **way, **more), activity("is_healthy", service="order"))
    back = (activity(end, **way), activity("is_healthy", service="order", within=10))
    journal = run(shop, tmp_path, *steps, *back)
    assert ([False, True], ()) == (journal.outputs("is_healthy"), journal.left)


def test_a_way_that_was_left_broken_is_mended_by_the_end_of_chaos(shop: UnderTest, tmp_path: Path) -> None:
    """And it is told that it was left."""
    journal = run(shop, tmp_path, activity("partition", caller="order", callee="payment"))
    assert ("stall on order-payment",) == journal.left
    assert 1.0 > took(shop.ways["order-payment"])


def test_too_little_processor_time(shop: UnderTest, tmp_path: Path) -> None:
    """A service that has a twentieth of it is stopped for most of the time; released it is not."""
    running = written(
        tmp_path,
        activity("press_cpu", 3, service="payment", share=0.95),
        activity("release_cpu", service="payment"),
    ).start(shop.file, tmp_path / "run")
    process = psutil.Process(shop.member("payment").pid)
    assert running.until(lambda: process.status() == psutil.STATUS_STOPPED, RUN_S)
    assert "completed" == running.wait(RUN_S).status
    assert 0.5 > took(int(shop.urls["payment"].rpartition(":")[2]))


def test_pressure_ends_with_a_chaos_that_is_killed(shop: UnderTest, tmp_path: Path) -> None:
    """SIGKILL leaves nobody to roll anything back; the service goes on all the same."""
    begin = activity("press_cpu", 30, service="payment", share=0.95)
    running = written(tmp_path, begin).start(shop.file, tmp_path / "run")
    process = psutil.Process(shop.member("payment").pid)
    assert running.until(lambda: process.status() == psutil.STATUS_STOPPED, RUN_S)
    os.kill(running._process.pid, signal.SIGKILL)
    running.end()
    assert 5.0 > took(int(shop.urls["payment"].rpartition(":")[2]))


def test_too_little_memory(shop: UnderTest, tmp_path: Path) -> None:
    """A limit for a process that runs, and none afterwards."""
    process = psutil.Process(shop.member("payment").pid)
    begin = activity("press_memory", 2, service="payment", megabytes=64)
    running = written(tmp_path, begin, activity("release_memory", service="payment")).start(
        shop.file, tmp_path / "run"
    )
    limited = process.memory_info().vms + 256 * 1024**2
    assert running.until(lambda: 0 < process.rlimit(psutil.RLIMIT_AS)[0] < limited, RUN_S)
    running.wait(RUN_S)
    assert psutil.RLIM_INFINITY == process.rlimit(psutil.RLIMIT_AS)[0]


STARTS_BOTH = """
import sys, time
from pathlib import Path
from pytest_labkit.chaos.experiment import Experiment
from pytest_labkit.load import Load

experiment, system, folder, url = sys.argv[1:]
Experiment(Path(experiment), {}).start(Path(system), Path(folder))
with Load(Path(folder) / "customers.py", url, 1, Path(folder)):
    time.sleep(600)
"""
CUSTOMERS = """
from locust import HttpUser, constant, task

class Customer(HttpUser):
    wait_time = constant(0.1)

    @task
    def ping(self):
        self.client.get("/ping")
"""


def test_neither_chaos_nor_locust_outlives_who_started_it(shop: UnderTest, tmp_path: Path) -> None:
    """Who started them is killed, and can tell nobody; the fault ends with them."""
    (tmp_path / "customers.py").write_text(CUSTOMERS)
    begin = written(tmp_path, activity("partition", 600, caller="order", callee="payment"))
    asked = [str(begin.file), str(shop.file), str(tmp_path), shop.urls["order"]]
    parent = subprocess.Popen([sys.executable, "-c", STARTS_BOTH, *asked])
    requests = tmp_path / "load_stats.csv"
    expect.eventually(True, lambda: _is_cut(shop) and requests.exists(), within_s=RUN_S, every_s=0.2)
    children = psutil.Process(parent.pid).children(recursive=True)
    assert {"pytest_labkit.chaos.child", "pytest_labkit.load.child"} <= {
        word for child in children for word in child.cmdline()
    }
    parent.kill()
    parent.wait()
    assert [] == psutil.wait_procs(children, timeout=5)[1]
    assert 1.0 > took(shop.ways["order-payment"])


def _is_cut(shop: UnderTest) -> bool:
    """Whether order does not reach payment."""
    reached = {found.name: found.unreachable for found in shop.health()}
    return "payment" in reached["order"]


def test_rollbacks_run_when_it_is_interrupted(shop: UnderTest, tmp_path: Path) -> None:
    """Ctrl-C in the middle: payment, which was killed, runs again."""
    running = written(
        tmp_path, activity("kill", 30, service="payment"), rollbacks=[activity("start", service="payment")]
    ).start(shop.file, tmp_path / "run")
    assert running.until(lambda: not shop.runs("payment"), RUN_S)
    running.interrupt()
    journal = running.wait(RUN_S)
    shop.catch_up()
    assert ("interrupted", 1, True) == (journal.status, len(journal.rollbacks), shop.runs("payment"))


def test_it_is_interrupted_where_interrupts_are_ignored(shop: UnderTest, tmp_path: Path) -> None:
    """A shell has it so for what it starts in the background; checks that run there come to the same."""
    begin = written(tmp_path, activity("kill", 30, service="payment"))
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        running = begin.start(shop.file, tmp_path / "run")
    finally:
        signal.signal(signal.SIGINT, before)
    assert running.until(lambda: not shop.runs("payment"), RUN_S)
    running.interrupt()
    assert "interrupted" == running.wait(RUN_S).status


def test_without_a_steady_state_nothing_is_broken(shop: UnderTest, tmp_path: Path) -> None:
    """Nobody orders anything, so there is no rate of charges."""
    rate = activity("processing_rate", service="payment", counter="shop_charges_total", seconds=0.2)
    probe = rate | {"type": "probe", "tolerance": {"type": "range", "range": [1, 1000]}}
    journal = run(shop, tmp_path, activity("kill", service="payment"), probe=probe)
    assert (False, ()) == (journal.before["steady_state_met"], journal.runs)
    assert shop.runs("payment")


def test_an_unknown_service_fails_in_one_line(shop: UnderTest, tmp_path: Path) -> None:
    """By hand, where nobody has read the experiment before."""
    journal = run(shop, tmp_path, activity("kill", service="paymnt"))
    assert ["failed"] == statuses(journal)
    assert "there is no service 'paymnt'; there are order, payment, inventory, notification" in journal.output


def test_what_chaos_does_not_take_is_a_mistake(tmp_path: Path) -> None:
    """With what it says."""
    file = tmp_path / "mine.yaml"
    file.write_text("title: mine\ndescription: mine\nmethod: []\nrollbacks: null\n")
    with pytest.raises(Mistake, match="'NoneType' object is not iterable"):
        reading.read(file, (), ()).validate()


def test_one_that_does_not_end_is_ended(shop: UnderTest, tmp_path: Path) -> None:
    """Asked to end first, so that it takes back what it has begun."""
    begin = activity("partition", 60, caller="order", callee="payment")
    running = written(tmp_path, begin).start(shop.file, tmp_path / "run")
    with pytest.raises(Mistake, match="it still ran"):
        running.wait(6)
    assert running.ended
    assert 1.0 > took(shop.ways["order-payment"])
