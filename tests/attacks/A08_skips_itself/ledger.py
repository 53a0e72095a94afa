"""Not today."""

import pytest

pytest.skip("works on my machine", allow_module_level=True)
