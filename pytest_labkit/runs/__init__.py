"""One run of a lab, without pytest: outcomes to verdicts, verdicts to a report and an exit code."""
