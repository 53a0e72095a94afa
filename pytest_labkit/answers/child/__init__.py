"""The child that runs the student's code: how it starts, what it loads, how it ends."""
