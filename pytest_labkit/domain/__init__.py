"""The kit's words as frozen values: lab, criterion, verdict, report. Imports nothing of the kit."""
