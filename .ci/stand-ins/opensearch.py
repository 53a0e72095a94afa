"""Makes a folder to run OpenSearch from, of the kit's pinned jars: opensearch.py FOLDER"""

import shutil
import sys
from pathlib import Path

from pytest_labkit.host.settings import resolve
from pytest_labkit.services import search
from pytest_labkit.services.jvm import download

home = Path(sys.argv[1])
engine = search.ENGINES["opensearch"]
jars = download.fetch(download.artifacts(engine.name), resolve(Path.cwd()), print, what=engine.title)
module = [jar for jar in jars if search.is_of_the_module(jar)]
search.prepare(home, engine, http=9200, transport=9300, module=module)
(home / "config" / f"{engine.name}.yml").write_text("network.host: 0.0.0.0\n")
(home / "lib").mkdir()
for jar in set(jars) - set(module):
    shutil.copy(jar, home / "lib")
