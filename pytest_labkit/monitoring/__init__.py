"""Metrics as Prometheus sees them: scraped, kept for some minutes, and alert rules evaluated over them."""

from pytest_labkit.monitoring.alerts import Alert, Alerts
from pytest_labkit.monitoring.rules import Rule, read
from pytest_labkit.monitoring.series import History
from pytest_labkit.monitoring.watch import Seen, Watch

__all__ = ["Alert", "Alerts", "History", "Rule", "Seen", "Watch", "read"]
