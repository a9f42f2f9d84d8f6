"""Whether axe-core finds barriers on any page, in light and dark, and on a phone (4 minutes):

npm install --prefix tests/browser --no-package-lock
uv run python -m tests.trials.accessibility
"""

import os
import sys

import pytest

if __name__ == "__main__":
    os.environ |= {"ALL_PAGES": "yes", "BROWSER_TESTS": "required"}
    sys.exit(pytest.main(["-rA", "tests/browser/test_accessibility.py"]))
