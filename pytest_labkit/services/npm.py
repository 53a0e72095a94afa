"""The npm registry: which one it is, and what it says of a package's tarball. Node is not needed."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from pytest_labkit.domain.errors import KitError
from pytest_labkit.host.settings import Settings
from pytest_labkit.services import transfer
from pytest_labkit.services.transfer import Artifact, Repository

_VARIABLE = "LABKIT_NPM_URL"
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


def repository(settings: Settings) -> Repository:
    """The registry, and the folder of the cache for what is fetched from it."""
    return Repository(lambda: _address(settings), settings.cache / "npm", _VARIABLE)


def tarball(package: str, version: str, integrity: str) -> Artifact:
    """The file that *package* (`@scope/name`) is in that *version*, with npm's *integrity* (`sha512-…`)."""
    algorithm, _, digest = integrity.partition("-")
    path = f"{package}/-/{package.rpartition('/')[2]}-{version}.tgz"
    return Artifact(path, base64.b64decode(digest).hex(), algorithm)


def integrity(package: str, version: str, settings: Settings) -> str:
    """
    What the registry says of the tarball of *package*: it is believed over TLS only.

    Raises:
        KitError: The registry does not answer, does not know it, or could be anybody.
    """
    registry = repository(settings)
    url = urlsplit(registry.url())
    if url.scheme != "https" and url.hostname not in _LOOPBACK:
        raise KitError(
            f"The kit has no sum for {package} {version}, and {registry.url()} is no https:// address.",
            f"Set {_VARIABLE} to a registry that speaks TLS.",
        )
    told = json.loads(transfer.read(package.replace("/", "%2F"), registry))
    try:
        return str(told["versions"][version]["dist"]["integrity"])
    except (KeyError, TypeError) as error:
        raise KitError(
            f"The registry at {registry.url()} has no {package} {version}.",
            f"Set {_VARIABLE} to one that has it, or use --lab-backend docker or external.",
        ) from error


def _address(settings: Settings) -> str:
    """As npm finds it: from the environment, then `.npmrc` in the home folder, then the usual one."""
    return settings.npm_url or next(_configured(settings.environ), None) or _usual()


def _configured(environ: Mapping[str, str]) -> Iterator[str]:
    yield from (value for name, value in environ.items() if name.lower() == "npm_config_registry" and value)
    file = Path(environ.get("NPM_CONFIG_USERCONFIG") or Path(environ.get("HOME") or Path.home(), ".npmrc"))
    lines = file.read_text("utf-8", "replace").splitlines() if file.is_file() else []
    pairs = [line.partition("=") for line in lines]
    yield from (value.strip(" \"'") for name, _, value in pairs if name.strip() == "registry")


def _usual() -> str:
    from packageurl.contrib.purl2url import get_download_url

    url = urlsplit(str(get_download_url("pkg:npm/any@1")))  # type: ignore[no-untyped-call]
    return f"{url.scheme}://{url.netloc}"
