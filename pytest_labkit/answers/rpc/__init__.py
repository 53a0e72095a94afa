"""Remote calls between the test's process and the child that runs the student's code."""
