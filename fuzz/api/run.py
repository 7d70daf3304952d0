"""Asks a real directory whatever its OpenAPI document allows, and much that it does not.

Starts `plenum directory` on a database of its own, makes an account of each role and a zone that
has room all the time, and lets schemathesis ask as each of them. Ends with an error at a finding, and leaves nothing behind.
"""

import argparse
import json
import os
import secrets
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

from openapi_spec_validator import OpenAPIV31SpecValidator

HERE = Path(__file__).resolve().parent
ZONE = "fuzz.zone"
# One that is always there, so that there is a place for meetings.
STEADY = "steady.zone"
# How often it says so, in seconds: a zone that was silent for 15 is not offered.
REPORT = 3
# People whose meetings the others must not see.
PEERS = ["bob", "eve"]
# How long a directory may take to start, and to stop, in seconds.
PATIENCE = 60


class Directory:
    """A directory that runs, until the end of the block."""

    def __init__(self, plenum: Path, home: Path):
        self.plenum, self.home = plenum, home
        self.process = None
        self.log = home / "log"

    def command(self, *words: str, stdin: str = "") -> dict:
        """Does something to the database."""
        done = subprocess.run(
            [self.plenum, "directory", *words, "--data-dir", self.home / "data", "--output", "json"],
            input=stdin, capture_output=True, text=True, check=False,
        )
        if done.returncode != 0:
            sys.exit(f"plenum directory {' '.join(words)}: {done.stderr}")
        return json.loads(done.stdout)

    def __enter__(self):
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [
                    self.plenum, "directory", "--self-signed", "--data-dir", self.home / "data",
                    "--listen", "127.0.0.1:0", "--trusted-proxy", "127.0.0.1/32", "--output", "json",
                ],
                stdout=subprocess.PIPE, stderr=log, text=True,
            )
        line = self.process.stdout.readline()
        if not line:
            sys.exit(f"the directory did not start: {self.log.read_text()}")
        ready = json.loads(line)
        self.url, self.authority = ready["directory"], ready["ca"]
        return self

    def __exit__(self, *_):
        self.process.terminate()
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def ask(
        self, method: str, path: str, body: dict, more: dict, patience: float = PATIENCE
    ) -> int:
        """The status of the answer."""
        trust = ssl.create_default_context(cafile=self.authority)
        request = urllib.request.Request(
            f"{self.url}{path}", json.dumps(body).encode(), method=method,
            headers={"Content-Type": "application/json"} | more,
        )
        try:
            with urllib.request.urlopen(request, context=trust, timeout=patience) as answer:
                return answer.status
        except urllib.error.HTTPError as refused:
            return refused.code

    def complaints(self) -> list[str]:
        """What it logged that must not happen, whatever it is asked."""
        lines = self.log.read_text().splitlines()
        return [line for line in lines if '"ERROR"' in line or "panicked" in line]


class Zone:
    """A zone with room for everybody, until the end of the block; that lookups lead there is
    certain from its begin."""

    def __init__(self, directory: Directory):
        self.directory = directory
        self.credential = directory.command("zone", "add", STEADY)["credential"]
        self.over = threading.Event()
        self.reporting = threading.Thread(target=self.report)
        self.refused = set()

    def report(self):
        room = {
            "controller": "zc-0", "controllers": ["https://zone.example.org"],
            "routers": 1, "capacity": 1_000_000, "participants": 0,
        }
        bearer = {"Authorization": f"Bearer {self.credential}"}
        while True:
            path = f"/v1/zones/{STEADY}/report"
            try:
                status = self.directory.ask("PUT", path, room, bearer, REPORT)
            except OSError as lost:
                status = lost
            if status != 200:
                self.refused.add(str(status))
            if self.over.wait(REPORT):
                return

    def __enter__(self):
        self.reporting.start()
        made = self.directory.command("meeting", "add", "--owner", "ada")
        question = {"meeting": made["meeting"], "passcode": made["passcode"]}
        until = time.monotonic() + PATIENCE
        while (status := self.directory.ask("POST", "/v1/lookup", question, {})) != 200:
            if status != 503 or time.monotonic() > until:
                self.over.set()
                sys.exit(f"a lookup is answered {status}, where there is a zone")
            time.sleep(0.2)
        return self

    def __exit__(self, *_):
        self.over.set()
        self.reporting.join()

    def complaints(self) -> list[str]:
        """What its reports were answered but 200."""
        return [f"a report of {STEADY} was answered {status}" for status in self.refused]


def sign_in(name: str, password: str) -> dict:
    """How one of the people signs in, in the words of Web Fuzzing Commons."""
    return {
        "name": name,
        "loginEndpointAuth": {
            "endpoint": "/v1/sessions",
            "verb": "POST",
            "contentType": "application/json",
            "payloadUserPwd": {
                "username": name, "password": password,
                "usernameField": "name", "passwordField": "password",
            },
            "token": {
                "extractFrom": "body", "extractSelector": "/token",
                "sendIn": "header", "sendName": "Authorization", "sendTemplate": "Bearer {token}",
            },
        },
    }


def bearer(name: str, token: str) -> dict:
    """The same for who has a token."""
    headers = [{"name": "Authorization", "value": f"Bearer {token}"}]
    return {"name": name, "fixedHeaders": headers}


def people(directory: Directory) -> tuple[dict[str, list[dict]], str]:
    """An account of each role: who asks in which run, nobody in the first and who may delete
    the others in the last. And the administrator's id."""
    made = {}
    for name in ["ada", *PEERS]:
        password = secrets.token_urlsafe()
        admin = ["--admin"] if name == "ada" else []
        account = directory.command(
            "user", "add", *admin, "--password-stdin", name, stdin=password
        )
        made[name] = sign_in(name, password)
        if admin:
            own = account["id"]
    zone = directory.command("zone", "add", ZONE)["credential"]
    replica = directory.command("replica", "add", "copy")["token"]
    who = {
        "nobody": [],
        "user": [made[name] for name in PEERS],
        "replica": [bearer("copy", replica)],
        "zone": [bearer("zone", zone)],
        "admin": [made["ada"]],
    }
    return who, own


def ask(
    directory: Directory, role: str, who: list[dict], own: str, examples: int, report: Path
) -> bool:
    """One run. Whether nothing was found."""
    home = directory.home / role
    home.mkdir()
    settings = (HERE / "schemathesis.toml").read_text()
    if who:
        file = home / "who.json"
        file.write_text(json.dumps({"auth": who}))
        names = [it["name"] for it in who]
        peers = f"\npeers = {json.dumps(names)}" if len(names) > 1 else ""
        settings += f"\n[auth.wfc]\npath = {json.dumps(str(file))}\nuser = {json.dumps(names[0])}{peers}\n"
    config = home / "schemathesis.toml"
    config.write_text(settings)
    variables = {
        "PLENUM_FUZZ_HOOKS": str(HERE / "hooks.py"),
        "PLENUM_FUZZ_CA": directory.authority,
        "PLENUM_FUZZ_OWN": own,
        "PLENUM_FUZZ_ZONE": STEADY,
        # Of the sign-ins, which have no setting of their own.
        "REQUESTS_CA_BUNDLE": directory.authority,
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    program = Path(sys.executable).with_name("schemathesis")
    log = report / f"fuzz-api-{role}.log"
    with log.open("w") as out:
        done = subprocess.run(
            [
                program, "--config-file", config, "run", f"{directory.url}/openapi.json",
                "--max-examples", str(examples),
            ],
            stdout=out, stderr=subprocess.STDOUT, cwd=home, env=os.environ | variables, check=False,
        )
    last = [line.strip("= ") for line in log.read_text().splitlines() if line.startswith("=")]
    print(f"{role:8} {last[-1] if last else 'nothing was asked'}", flush=True)
    if done.returncode != 0:
        print(f"         {log}", flush=True)
    return done.returncode == 0


def is_valid(directory: Directory) -> bool:
    """Whether the document is OpenAPI 3.1, by the standard's own schema."""
    trust = ssl.create_default_context(cafile=directory.authority)
    with urllib.request.urlopen(f"{directory.url}/openapi.json", context=trust) as answer:
        document = json.load(answer)
    wrong = list(OpenAPIV31SpecValidator(document).iter_errors())
    for error in wrong[:20]:
        print(f"openapi.json: {error.json_path}: {error.message[:200]}")
    return not wrong


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--plenum", type=Path, required=True, help="the program")
    arguments.add_argument("--examples", type=int, default=20, help="of each operation, at most")
    arguments.add_argument("--reports", type=Path, required=True, help="where to write what was found")
    arguments.add_argument("--role", action="append", help="only this one; may be repeated")
    given = arguments.parse_args()
    given.reports.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="plenum-fuzz-api-") as home:
        with Directory(given.plenum.resolve(), Path(home)) as directory:
            runs, own = people(directory)
            found = [] if is_valid(directory) else ["document"]
            with Zone(directory) as zone:
                found += [
                    role for role, who in runs.items()
                    if (not given.role or role in given.role)
                    and not ask(directory, role, who, own, given.examples, given.reports.resolve())
                ]
        complaints = directory.complaints() + zone.complaints()
    for line in complaints[:20]:
        print(line)
    if found or complaints:
        sys.exit("fuzz-api: findings")


if __name__ == "__main__":
    main()
