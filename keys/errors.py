"""What can go wrong with keys; each text is a sentence for a person."""

from pathlib import Path


class KeyProblem(Exception):
    """`kind` is a stable name of the case, `status` its HTTP status."""

    kind = "invalid_key"
    status = 422


class InvalidKeyName(KeyProblem):
    kind = "invalid_key_name"


class KeyNameTaken(KeyProblem):
    kind = "key_name_taken"
    status = 409


class UnknownKey(KeyProblem):
    kind = "unknown_key"
    status = 404


class LastAdminKey(KeyProblem):
    """Without a key for the admin server its owner would be locked out."""

    kind = "last_admin_key"
    status = 409


class KeysUnreadable(KeyProblem):
    """The key file exists but is unusable: all access is denied rather than allowed."""

    kind = "keys_unreadable"
    status = 503

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"The keys in {path} cannot be read ({reason}). Restore the file, or delete it to begin anew.")
