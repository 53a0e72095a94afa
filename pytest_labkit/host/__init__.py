"""This machine and this invocation: settings, processes, locks, temporary folders, signals."""
