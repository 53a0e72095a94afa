"""
`locust`, as the kit starts it: it ends with whoever started it.

Run as a program, with the arguments of `locust`.
"""

from __future__ import annotations

import runpy

from gevent import monkey

from pytest_labkit.host import children

if __name__ == "__main__":
    children.end_with_parent()  # in a real thread: greenlets would stand still while it waits
    monkey.patch_all()  # Locust does so as well, but while it is imported, which with a second thread hangs
    runpy.run_module("locust", run_name="__main__", alter_sys=True)
