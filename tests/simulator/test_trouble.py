"""What goes wrong is said in one sentence, the page recovers, and what was seen so far stays."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright import sync_api

from pytest_labkit.host import settings
from pytest_labkit.simulator.cast import Cast, playable
from tests.simulator.conftest import ROOT, STATE, Page, cast, page_of

pytestmark = pytest.mark.exhaustive

LOG = "document.getElementById('log').innerText"
HANGS_S = 5.0
ANSWERS = Path(__file__).parent / "answers"


def line_of(text: str, name: str = "producers.py") -> str:
    """Where *text* stands in that file of those answers."""
    lines = (ANSWERS / name).read_text().splitlines()
    return f"{name}:{1 + next(number for number, line in enumerate(lines) if text in line)}"


@pytest.fixture(scope="module")
def wrong() -> Iterator[Cast]:
    """Producers that go wrong, each strategy in its own way."""
    with cast(ANSWERS) as players:
        yield players


@pytest.fixture
def page(wrong: Cast, browser: sync_api.Browser) -> Iterator[Page]:
    """Their page; a call that takes five seconds hangs."""
    with page_of(browser, wrong, HANGS_S) as opened:
        opened.tab.uncheck("#log-messages")
        yield opened


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("producers", "6", "producers is 6: it has to be 1 to 5."),
        ("partitions", "0", "partitions is 0: it has to be 1 to 12."),
        ("rate", "1000000", "rate is 1000000: it has to be 1 to 2000."),
        ("keys", "", "keys is '': input should be a valid integer"),
    ],
)
def test_a_setting_out_of_its_range(page: Page, field: str, value: str, sentence: str) -> None:
    """The page says what it has to be, and goes on once it is."""
    page.choose(**{field: value})
    page.tab.click("#start")
    page.wait(f"document.getElementById('problem').innerText.startsWith({sentence!r})")
    assert "Ready" == page.tab.inner_text("#state")
    page.choose(**{field: 2})
    page.tab.click("#start")
    page.wait(f"{STATE} === 'Running'")
    assert "" == page.tab.inner_text("#problem")


def test_a_rate_out_of_its_range_while_it_runs(page: Page) -> None:
    """The run goes on at the rate it had."""
    page.choose(strategy="round_robin", producers=1, rate=20)
    page.tab.click("#start")
    page.wait(f"{STATE} === 'Running'")
    page.choose(rate=5000)
    page.wait("document.getElementById('problem').innerText === 'rate is 5000: it has to be 1 to 2000.'")
    assert "Running" == page.tab.inner_text("#state")


def test_a_class_that_raises(page: Page) -> None:
    """Its line is named, once; what it did send goes on to be shown."""
    page.choose(strategy="round_robin", producers=2, rate=60)
    page.tab.click("#start")
    sentence = f"Producer 1 raised ValueError, at {line_of('raise ValueError')}: every third one."
    page.wait(f"{LOG}.includes({sentence!r})")
    page.wait_for_records(40)
    page.wait("Number(document.querySelector(\"[data-producer='1'] [data-of=failed]\").innerText) > 5")
    assert 1 == page.said().count(sentence)
    assert [] == page.wrong


def test_a_class_that_hangs(page: Page) -> None:
    """Where it hangs is said; its process is killed, and another begins; the third time it is given up."""
    page.choose(strategy="key_hash", producers=1, rate=60)
    page.tab.click("#start")
    sentence = f"Producer 1 hung for 5 s at {line_of('time.sleep')}: its process was killed."
    page.wait(f"{LOG}.includes({sentence!r})")
    seen = page.number("#stored")
    page.wait(f"{LOG}.includes('Producer 1 was given up. Mend the file, and press Reset.')")
    assert page.number("#stored") >= seen > 0
    assert 3 == page.said().count("Producer 1 hung for 5 s")
    assert "had been ended" not in page.said()
    page.reset()
    assert [] == page.wrong


def test_a_class_that_floods(page: Page) -> None:
    """Bursts are merged with their number, the run is paused, and the page stays quick."""
    page.choose(strategy="sticky", producers=1, rate=100)
    page.tab.click("#start")
    page.wait(f"{LOG}.includes('Paused: the topic has')")
    page.wait(f"{STATE} === 'Paused'")
    page.tab.wait_for_timeout(1_500)
    drawn = page.tab.evaluate(
        "import('/simulator/store.js').then(({ store }) => [store.count, store.bursts.flat().length, "
        "store.lanes.flat().length + store.bursts.flat().reduce((sum, burst) => sum + burst.many, 0)])"
    )
    assert (page.number("#stored"), True) == (drawn[0], drawn[1] > 0)
    assert drawn[0] == drawn[2]
    page.reset()
    assert [] == page.wrong


@pytest.mark.parametrize(
    ("mode", "sentence"),
    [
        ("at_most_once", f"raised ValueError, at {line_of('raise ValueError', 'delivery.py')}: each time."),
        ("idempotent", f"hung for 5 s at {line_of('time.sleep', 'delivery.py')}: its process was killed."),
        (
            "transactional",
            f"raised KeyError, at {line_of('raise KeyError', 'delivery.py')}: 'no such property'.",
        ),
    ],
)
def test_a_consumer_that_goes_wrong(page: Page, mode: str, sentence: str) -> None:
    """Its line is named; in the end it is given up, which stands beside it, and its lag is seen to grow."""
    page.choose(mode, strategy="round_robin", producers=1, rate=20)
    page.tab.click("#start")
    page.wait(f"{LOG}.includes({sentence!r})")
    page.wait(f"document.querySelector('[data-consumer={mode}-1] th').innerText.endsWith('(given up)')")
    page.wait(f"Number(document.querySelector('[data-mode={mode}] [data-of=lag]').innerText) > 0")
    assert [] == page.wrong


def test_a_consumer_that_handles_without_end(page: Page) -> None:
    """The run is paused and the page stays quick; no number of times is left out of the count."""
    page.choose("at_least_once", strategy="round_robin", producers=1, rate=20)
    page.tab.click("#start")
    page.wait(f"{LOG}.includes('Paused: At least once has handled')")
    page.wait(f"{STATE} === 'Paused'")
    assert page.count("at_least_once", "repeated") > 1000
    page.reset()
    assert [] == page.wrong


def test_an_analysis_that_hangs(page: Page) -> None:
    """It is ended, and the button is there again."""
    page.choose(strategy="round_robin", producers=1, rate=20)
    page.tab.click("#start")
    page.wait_for_records(5)
    page.tab.click("#analyse")
    sentence = f"analyze_message_order hung for 5 s at {line_of('time.sleep', 'ordering.py')}: "
    page.wait(f"document.getElementById('analysis').innerText.includes({sentence!r})")
    assert [] == page.wrong


def test_a_run_file_that_asks_for_what_there_is_not(page: Page) -> None:
    """What it can do is done; a file that is none of a run changes nothing."""
    choice = {"strategy": "round_robin", "producers": 1, "rate": 60}
    actions = [["kill_producer", 4, 5], ["set_fire_to", None, 6], ["rate", 0, 7]]
    page.open(json.dumps({"format": "labkit-simulator/1", "choice": choice, "actions": actions}))
    page.wait_for_records(30)
    said = page.said()
    assert "The run's file asks for what there is not: kill_producer 4." in said
    assert "The run's file asks for what there is not: set_fire_to." in said
    assert "rate is 0: it has to be 1 to 2000." in said
    page.open("no JSON")
    page.wait("document.getElementById('problem').innerText.startsWith('That is no file of a run')")
    assert page.number("#stored") >= 30
    assert [] == page.wrong


def test_a_stub_says_what_is_to_be_written(browser: sync_api.Browser) -> None:
    """Your own code, untouched: the line to begin with, and no traceback."""
    chosen = settings.resolve(ROOT, options={"backend": "local"})
    with Cast(playable(ROOT), chosen, lambda _line: None) as players, page_of(browser, players) as page:
        assert "Played by your code: labs/lab1" == page.tab.inner_text("#label")
        page.tab.click("#start")
        page.wait(f"{LOG}.includes('Producer 1: not written yet, at producers.py:')")
        page.wait(f"{LOG}.includes('Producer 1 was given up.')")
        assert "TODO A1" in page.said()
        assert [] == page.wrong


def test_a_stub_of_a_consumer_says_what_is_to_be_written(browser: sync_api.Browser, tmp_path: Path) -> None:
    """Part A is done, part B is not: messages flow, and each mode names its criterion."""
    shutil.copy(ROOT / "solutions" / "lab1" / "producers.py", tmp_path)
    chosen = settings.resolve(ROOT, options={"backend": "local", "answers": (str(tmp_path),)})
    with Cast(playable(ROOT), chosen, lambda _line: None) as players, page_of(browser, players) as page:
        page.choose("at_most_once", "at_least_once", "idempotent", "transactional")
        page.tab.uncheck("#log-messages")
        page.tab.click("#start")
        page.wait_for_records(30)
        for title, criterion in (
            ("at most once", "B1"), ("at least once", "B2"),
            ("exactly once, idempotent", "B3"), ("exactly once, transactions", "B4"),
        ):  # fmt: skip
            page.wait(f"{LOG}.includes('Consumer 1 ({title}) was given up.')")
            assert re.search(
                rf"Consumer 1 \({title}\): not written yet, at delivery.py:\d+.*TODO {criterion}",
                page.said(),
            )
        assert [] == page.wrong


def test_the_broker_dies_while_the_page_is_open(browser: sync_api.Browser) -> None:
    """What was seen stays; the button starts it again, and the run goes on to its end without a loss."""
    with cast() as players, page_of(browser, players) as page:
        page.choose("at_least_once", strategy="key_hash", rate=30)
        page.tab.uncheck("#log-messages")
        page.tab.click("#start")
        page.wait_for_records(60)
        (broker,) = players.services.running("kafka").members()
        broker.kill()
        page.wait(f"{STATE}.startsWith('The broker does not answer')")
        seen = page.number("#stored")
        assert seen >= 60
        page.tab.click("#restart_broker")
        page.wait(f"{LOG}.includes('The broker answers again.')")
        page.wait_for_records(seen + 60)
        page.tab.fill("#rate", "1")
        page.tab.press("#rate", "Tab")
        page.wait("document.querySelector('[data-mode=at_least_once] [data-of=lag]').innerText === '0'")
        assert 0 == page.count("at_least_once", "lost")
        page.reset()
        (broker,) = players.services.running("kafka").members()
        broker.kill()
        page.tab.click("#start")  # the next run starts it again
        page.wait_for_records(10)
        assert "The broker had ended: it is started again." in page.said()
        assert [] == page.wrong


@pytest.mark.parametrize("fault", ["process killed", "broker restarted", "slow link"])
def test_a_scenario_is_played_to_its_end(browser: sync_api.Browser, model: Cast, fault: str) -> None:
    """Its 60 messages are sent, what breaks breaks, and the student's own consumer reads them in order."""
    with page_of(browser, model) as page:
        page.tab.select_option("#scenario", fault)
        page.choose(strategy="round_robin", rate=60)
        page.tab.uncheck("#log-messages")
        page.tab.click("#start")
        page.wait(f"{LOG}.includes('The scenario is over: read_in_order gives all 60 in the right order.')")
        assert 60 == page.number("#stored") - int(page.tab.inner_text("#duplicates").split()[0])
        assert [] == page.wrong
