"""
Brings the libraries of the simulator's page into the checkout: python .ci/vendor.py

Each is packed by npm at the version that is written here, from whatever registry npm is set up for. What
is taken of it, its licence and its SHA-512 are committed; `tests/simulator/test_vendored.py` compares them.
"""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = "pytest_labkit/simulator/assets/vendored"
TESTS = "tests/simulator/vendored"
WANTED = {
    "uplot@1.6.32": (PAGE, {"dist/uPlot.iife.min.js": "uPlot.js", "dist/uPlot.min.css": "uPlot.css"}),
    "lit-html@3.3.3": (PAGE, {"lit-html.js": "lit-html.js"}),
    "axe-core@4.14.1": (TESTS, {"axe.min.js": "axe.js"}),
}


def main() -> None:
    """Write the files, and beside them what they are."""
    npm = shutil.which("npm") or "npm"
    told: dict[str, dict[str, object]] = {PAGE: {}, TESTS: {}}
    with tempfile.TemporaryDirectory() as folder:
        for package, (place, files) in WANTED.items():
            said = subprocess.run(
                [npm, "pack", package, "--json"], cwd=folder, check=True, capture_output=True
            )
            packed = json.loads(said.stdout)[0]
            data = Path(folder, packed["filename"]).read_bytes()
            digest = base64.b64encode(hashlib.sha512(data).digest()).decode()
            if packed["integrity"] != f"sha512-{digest}":
                raise SystemExit(f"{package}: what came is not what npm names")
            told[place][package] = {
                "integrity": packed["integrity"],
                "licence": _licence(Path(folder, packed["filename"])),
                "files": _write(Path(folder, packed["filename"]), place, files, package.partition("@")[0]),
            }
    for place, found in told.items():
        (ROOT / place / "vendored.json").write_text(json.dumps(found, indent=2) + "\n")


def _licence(archive: Path) -> str:
    with tarfile.open(archive) as opened:
        manifest = opened.extractfile("package/package.json")
        assert manifest is not None
        return str(json.load(manifest)["license"])


def _write(archive: Path, place: str, files: dict[str, str], name: str) -> dict[str, str]:
    (ROOT / place).mkdir(parents=True, exist_ok=True)
    digests = {}
    with tarfile.open(archive) as opened:
        for inside, outside in {**files, "LICENSE": f"{name}.LICENSE"}.items():
            found = opened.extractfile(f"package/{inside}")
            assert found is not None
            data = found.read()
            (ROOT / place / outside).write_bytes(data)
            digests[outside] = hashlib.sha512(data).hexdigest()
    return digests


if __name__ == "__main__":
    main()
