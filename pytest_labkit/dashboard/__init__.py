"""The pages of `labkit dashboard`: so far `/health`, the system that `labkit up LAB --chaos` keeps, live."""
