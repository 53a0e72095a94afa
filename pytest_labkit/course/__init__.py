"""Labs as data: lab.toml, the files a student writes, tests and planted bugs, read and never run."""
