"""Searches what a broker wrote for secrets, in the forms in which they could have been written.

Everything in the broker's directory is read, but for the files whose purpose is to hold a secret.
"""

import base64
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import quote_from_bytes

# Of a token or a long key, any part of this many bytes would be too much.
PART = 32


def secret_files(state: Path) -> list[Path]:
    """The files whose purpose is to hold a secret."""
    return [*(state / "keys").iterdir(), *(state / "user-pool").glob("*.secret"), *(state / "user-pool").glob("*.der")]


def secrets_in(state: Path) -> dict[str, bytes]:
    """Every generated secret of a state directory, by where it lies."""
    return {str(path.relative_to(state)): path.read_bytes().strip() for path in secret_files(state)}


def find(secrets: dict[str, bytes], directory: Path, but: Iterable[Path]) -> list[str]:
    """Where a secret, or a good part of it, was written: one line per finding, without the secret."""
    allowed = set(but)
    findings = []
    for path in sorted(path for path in directory.rglob("*") if path.is_file() and path not in allowed):
        written = path.read_bytes()
        findings += [
            f"{path.relative_to(directory)} holds `{name}` as {form}"
            for name, secret in secrets.items()
            for part in parts(secret)
            for form, pattern in forms(part)
            if pattern in written
        ]
    return findings


def parts(secret: bytes) -> list[bytes]:
    """The whole of a short secret; the end, the middle and the start of a long one."""
    if len(secret) <= 2 * PART:
        return [secret]
    middle = len(secret) // 2
    return [secret[-PART:], secret[middle:middle + PART], secret[:PART]]


def forms(secret: bytes) -> list[tuple[str, bytes]]:
    """A secret as it is, and as it looks in encodings, wherever it begins in what was encoded."""
    percent = "".join(f"%{byte:02X}" for byte in secret).encode()
    found = [
        ("it is", secret),
        ("hex", secret.hex().encode()),
        ("hex", secret.hex().upper().encode()),
        ("percent-encoding", percent),
        ("percent-encoding", percent.lower()),
        ("percent-encoding", quote_from_bytes(secret, safe="").encode()),
    ]
    for shift in range(3):
        whole = base64.b64encode(bytes(shift) + secret).rstrip(b"=")
        # The first characters also hold what stood before, the last one what came after.
        start = (0, 2, 3)[shift]
        end = len(whole) if (shift + len(secret)) % 3 == 0 else len(whole) - 1
        found += [("base64", whole[start:end]), ("base64", whole[start:end].translate(URL_SAFE))]
    return found


URL_SAFE = bytes.maketrans(b"+/", b"-_")
