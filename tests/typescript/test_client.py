"""The types that openapi-typescript generates from the OpenAPI document fit a client."""

import re
import subprocess
from pathlib import Path

import pytest

from wrong_opinions import schema

FOLDER = Path(__file__).parent
TOOLS = FOLDER / "node_modules/.bin"
MISSING = "openapi-typescript was not found. Install it: npm install --prefix tests/typescript --no-package-lock"


@pytest.mark.skipif(not (TOOLS / "openapi-typescript").exists(), reason=MISSING)
def test_a_client_compiles_strictly_and_every_body_has_a_type():
    (FOLDER / "openapi.json").write_bytes(schema.document()[0])

    for command in (["openapi-typescript", "openapi.json", "--output", "schema.ts"], ["tsc"]):
        done = subprocess.run([TOOLS / command[0], *command[1:]], cwd=FOLDER, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr

    bodies = re.findall(r'"\w+/[\w.+-]+": (.+)', (FOLDER / "schema.ts").read_text("utf-8"))
    assert len(bodies) > 500
    assert not {"unknown;", "never;", "Record<string, never>;"} & set(bodies)
