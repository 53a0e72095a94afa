"""The page as it is used: a real browser, a real broker, and the counts are read off the page."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from tests.simulator.conftest import STATE, Page

pytestmark = pytest.mark.exhaustive

AXE = Path(__file__).parent / "vendored" / "axe.js"
MODES = ("at_most_once", "at_least_once", "idempotent", "transactional")
CELL = "document.querySelector(\"[data-producer='%d'] [data-of=%s]\")"
KILLS = "document.getElementById('log').innerText.split('was killed; it is started again').length > %d"
PLACES = """
import('/simulator/store.js').then(
  ({ store }) => store.lanes.flatMap((lane, p) => lane.map((m) => [m.key, p])))
"""
MERGED = """
import('/simulator/store.js').then(({ store, told }) => told({
  run: store.run,
  bursts: [[0, 0, 9, 10, 0.1, 0.2], [1, 0, 9, 10, 0.1, 0.2]],
  violations: [[[1, 7, 0.15, 'order-7', 3, 30, 1], [0, 5, 0.12, 'order-7', 4, 40, 1], 4, 'in words']],
})).then(() => dispatchEvent(new Event('resize')))
"""


def read_to_the_end(page: Page, *modes: str) -> None:
    """Send no more, and wait until each group has read all."""
    page.tab.fill("#rate", "1")
    page.tab.press("#rate", "Tab")
    for mode in modes:
        page.wait(f"document.querySelector('[data-mode={mode}] [data-of=lag]').innerText === '0'")


def test_three_producers_by_each_strategy(page: Page) -> None:
    """Their messages come to lie where the strategy puts them; the page says whose code it is."""
    assert "Played by the model answer" == page.tab.inner_text("#label")
    for strategy, scattered in (("round_robin", True), ("key_hash", False), ("sticky", True)):
        page.choose(strategy=strategy, producers=3, partitions=3, rate=120, keys=5)
        page.tab.click("#start")
        page.wait_for_records(240)
        page.tab.click("#pause")
        page.wait(f"{STATE} === 'Paused'")
        for number in (1, 2, 3):
            page.wait(f"Number({CELL % (number, 'sent')}.innerText) > 60")
        places = page.tab.evaluate(PLACES)
        partitions = {key: {p for k, p in places if k == key} for key, _ in places}
        assert scattered is any(len(found) > 1 for found in partitions.values()), strategy
        page.tab.click("#analyse")
        page.tab.wait_for_selector("#analysis-said")
        assert "The kit has found the same." in page.tab.inner_text("#analysis-said")
        page.reset()
    assert [] == page.wrong


def test_a_producer_is_killed_and_nothing_is_lost(page: Page) -> None:
    """Its next life sends again what was not known to be safe: all that was sent is in the topic."""
    page.choose(strategy="key_hash", producers=3, rate=100)
    page.tab.click("#start")
    page.wait_for_records(60)
    page.tab.click("#kill-producer-2")
    page.wait("document.querySelector(\"[data-producer='2'] [data-of=lives]\").innerText === '2'")
    page.wait_for_records(300)
    read_to_the_end(page)
    for number in (1, 2, 3):
        page.wait(f"{CELL % (number, 'sent')}.innerText === {CELL % (number, 'delivered')}.innerText")
    page.tab.click("#pause")
    sent = sum(page.sent(number) for number in (1, 2, 3))
    copies = int(page.tab.inner_text("#duplicates").split()[0])
    assert sent <= page.number("#stored") - copies <= sent + 2  # a message may be under way
    assert "Producer 2 was killed; it is started again." in page.said()
    assert [] == page.wrong


@pytest.mark.parametrize(
    ("mode", "lost", "repeated"),
    [
        ("at_most_once", True, False),
        ("at_least_once", False, True),
        ("idempotent", False, False),
        ("transactional", False, False),
    ],
)
def test_a_consumer_is_killed(page: Page, mode: str, lost: bool, repeated: bool) -> None:
    """What is lost and what is repeated is what the mode promises; it was killed twice, for real."""
    page.choose(mode, strategy="key_hash", rate=80)
    page.tab.click("#start")
    page.wait(f"Number(document.querySelector('[data-mode={mode}] [data-of=handled]').innerText) > 40")
    for crash in (1, 2):
        page.tab.click(f"#kill-{mode}")
        page.tab.uncheck("#log-messages")
        page.wait(KILLS % crash)
    page.wait_for_records(page.number("#stored") + 80)
    read_to_the_end(page, mode)
    page.tab.wait_for_timeout(1_500)
    assert (lost, repeated) == (page.count(mode, "lost") > 0, page.count(mode, "repeated") > 0)
    for of, is_found, said in (("lost", lost, "not handled"), ("repeated", repeated, "again after")):
        if is_found:  # the figure leads to the messages
            page.tab.click(f"[data-mode={mode}] [data-of={of}] button")
            assert said in page.tab.inner_text("#detail")
    assert 3 == int(page.tab.inner_text(f"[data-consumer={mode}-1] [data-of=lives]"))
    assert [] == page.wrong


def test_consumers_share_the_partitions(page: Page) -> None:
    """Each says which it has, and how far it is behind there; one that is killed gives them to the others."""
    page.choose("at_least_once", partitions=4, consumers=2, rate=40)
    page.tab.click("#start")
    two = "[...document.querySelectorAll('[data-consumer] [data-of=partitions]')].map((one) => one.innerText)"
    page.wait(f"{two}.join(', ').split(', ').sort().join() === '0,1,2,3' && !{two}.includes('none')")
    lags = [int(one.inner_text()) for one in page.tab.query_selector_all("[data-consumer] [data-of=lag]")]
    assert 2 == len(lags)
    page.tab.click("#kill-at_least_once")
    page.tab.uncheck("#log-messages")
    page.wait(KILLS % 1)
    read_to_the_end(page, "at_least_once")
    assert 0 == page.count("at_least_once", "lost")
    assert [] == page.wrong


def test_modes_side_by_side_on_the_same_messages(page: Page) -> None:
    """All four read one topic, and all four are killed: the table compares them."""
    page.choose(*MODES, rate=50)
    page.tab.click("#start")
    for mode in MODES:
        page.wait(f"Number(document.querySelector('[data-mode={mode}] [data-of=handled]').innerText) > 30")
        page.tab.click(f"#kill-{mode}")
    page.tab.uncheck("#log-messages")
    page.wait(KILLS % 4)
    read_to_the_end(page, *MODES)
    page.tab.wait_for_timeout(1_500)
    table = {mode: (page.count(mode, "lost") > 0, page.count(mode, "repeated") > 0) for mode in MODES}
    assert {
        "at_most_once": (True, False),
        "at_least_once": (False, True),
        "idempotent": (False, False),
        "transactional": (False, False),
    } == table


def test_records_that_were_merged_are_joined_too(page: Page) -> None:
    """A burst has no marks, and yet a violation in it is drawn, and leads to its message."""
    page.tab.evaluate(MERGED)
    page.tab.click("#show-shortest")
    assert "order-7#3" in page.tab.inner_text("#detail-name")
    assert "behind order-7#4, which lies in partition 0, offset 5" in page.tab.inner_text("#detail")
    assert [] == page.wrong


def test_pause_step_scrub_and_lens(page: Page) -> None:
    """A pause takes nothing away, a step sends one, and any instant can be looked at again."""
    page.choose("at_least_once", rate=60, strategy="round_robin", keys=4)
    page.tab.click("#start")
    page.wait_for_records(120)
    page.tab.click("#pause")
    page.wait(f"{STATE} === 'Paused'")
    page.tab.wait_for_timeout(1_000)
    before = page.number("#stored")
    page.tab.click("#step")
    page.wait_for_records(before + 1)
    page.tab.wait_for_timeout(700)
    assert before + 1 == page.number("#stored")
    page.tab.select_option("#axis", "time")
    page.tab.fill("#jump", "2")
    page.tab.press("#jump", "Tab")
    page.wait("document.getElementById('then').innerText.startsWith('At 2.00 s:')")
    then = int(page.tab.inner_text("#then").split(": ")[1].split()[0])
    assert 0 < then < before
    page.tab.click("#newest")
    page.tab.select_option("#lens", "order-2")
    page.tab.focus("#lanes")
    page.tab.keyboard.press("ArrowRight")
    page.tab.wait_for_selector("#detail .link")
    page.tab.click("#detail .link")
    page.tab.wait_for_selector("#code .here")
    assert "produce" in page.tab.inner_text("#code .here")
    assert [] == page.wrong


def test_a_run_is_saved_and_played_again(page: Page, tmp_path: Path) -> None:
    """As JSON, with its seed and what was done when, and as a picture."""
    page.choose("at_least_once", rate=60, seed=99)
    page.tab.click("#start")
    page.wait_for_records(60)
    page.choose("at_least_once", rate=80)
    page.tab.click("#kill-producer-1")
    page.wait("document.querySelector(\"[data-producer='1'] [data-of=lives]\").innerText === '2'")
    page.tab.click("#pause")
    page.tab.wait_for_timeout(700)
    with page.tab.expect_download() as got:
        page.tab.click("#export-json")
    got.value.save_as(file := tmp_path / "run.json")
    with page.tab.expect_download() as got:
        page.tab.click("#export-svg")
    got.value.save_as(picture := tmp_path / "run.svg")
    told = json.loads(file.read_text())
    faster, action = told["actions"]
    assert (99, ["rate", 80]) == (told["choice"]["seed"], faster[:2])
    assert ["kill_producer", 1] == action[:2]
    assert page.number("#stored") == len(told["marks"])
    assert len(told["marks"]) == picture.read_text().count('rx="2"')
    assert ET.fromstring(picture.read_text()).tag.endswith("svg")
    page.tab.set_input_files("#open", file)
    page.wait(f"{STATE} === 'Running'")  # the other run was paused
    page.wait("document.querySelector(\"[data-producer='1'] [data-of=lives]\")?.innerText === '2'")
    page.wait_for_records(action[2])
    with page.tab.expect_download() as got:
        page.tab.click("#export-json")
    again = json.loads(Path(got.value.path()).read_text())
    assert (told["choice"], told["actions"]) == (again["choice"], again["actions"])
    sent = {mark[5]: mark[3:5] for mark in told["marks"]}
    assert all(sent.get(mark[5], mark[3:5]) == mark[3:5] for mark in again["marks"])


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1400])
def test_axe_finds_nothing(page: Page, scheme: str, width: int) -> None:
    """Before a run, and with everything that a run brings on the page; it fits the width of a phone."""
    page.tab.set_viewport_size({"width": width, "height": 900})
    page.tab.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    assert [] == findings(page)
    page.choose(*MODES, rate=100)
    page.tab.click("#start")
    page.wait_for_records(100)
    page.tab.click("#kill-at_most_once")
    page.tab.focus("#lanes")
    page.tab.keyboard.press("ArrowRight")
    page.tab.wait_for_selector("#detail .link")
    page.tab.click("#detail .link")
    page.tab.click("#analyse")
    page.tab.wait_for_selector("#analysis-said")
    assert [] == findings(page)
    assert page.tab.evaluate("document.documentElement.scrollWidth <= innerWidth")


def findings(page: Page) -> list[str]:
    """What axe-core finds: rule and element."""
    page.tab.evaluate(AXE.read_text())
    found = page.tab.evaluate("axe.run()")["violations"]
    return [f"{one['id']}: {node['target']}" for one in found for node in one["nodes"]]


def test_only_a_file_of_the_answers_is_shown(page: Page) -> None:
    """No path leads out of them."""
    asked = ("producers.py", "../lab.toml", "..%2flab.toml", "messages.py", "%2fetc%2fhosts")
    ask = "(name) => fetch(`/simulator/code/${name}`).then((answer) => answer.status)"
    assert [200, 404, 404, 404, 404] == [page.tab.evaluate(ask, name) for name in asked]


def test_it_goes_without_a_mouse(page: Page) -> None:
    """From the start of the page by the keyboard alone: started, paused and reset."""
    page.tab.focus("#start")
    page.tab.keyboard.press("Enter")
    page.wait_for_records(10)
    page.tab.keyboard.press("Tab")  # Start cannot be pressed while it runs
    assert "pause" == page.tab.evaluate("document.activeElement.id")
    page.tab.keyboard.press("Space")
    page.wait(f"{STATE} === 'Paused'")
    page.tab.keyboard.press("Tab")
    page.tab.keyboard.press("Tab")
    assert "reset" == page.tab.evaluate("document.activeElement.id")
    page.tab.keyboard.press("Space")
    page.wait(f"{STATE} === 'Ready'")
    assert 0 == page.number("#stored")
