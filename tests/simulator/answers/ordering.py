"""A student's analysis that goes wrong: it hangs."""

import time


def analyze_message_order(records=None):
    time.sleep(1000)
