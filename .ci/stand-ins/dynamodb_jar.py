"""Writes DynamoDBLocal.jar: a manifest that names every jar in the folder DynamoDBLocal_lib beside it."""

import sys
import zipfile
from pathlib import Path

target, jars = Path(sys.argv[1]), sorted(Path(sys.argv[2]).glob("*.jar"))
path = "Class-Path: " + " ".join(f"DynamoDBLocal_lib/{jar.name}" for jar in jars)
lines = [
    "Manifest-Version: 1.0",
    "Main-Class: software.amazon.dynamodb.services.local.main.ServerRunner",
    "Enable-Native-Access: ALL-UNNAMED",
    "\n ".join(path[i : i + 70] for i in range(0, len(path), 70)),  # a line holds 72 bytes at most
]
with zipfile.ZipFile(target, "w") as jar:
    jar.writestr("META-INF/MANIFEST.MF", "\n".join(lines) + "\n")
