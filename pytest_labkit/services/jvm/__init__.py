"""What the servers that run on Java are started from: a JRE, their files, an archive of their classes."""
