"""What a person logs in with never comes into files, pages or messages."""

import re

# An address with a user, or a user and a password: everything up to the last @ before the path.
_USER_INFO = re.compile(r"(?<=://)[^/\s?#'\"]*@")
_SECRET_ARGUMENT = re.compile(
    r"(?<=[?&])((?:access_|auth_|api_)?(?:token|key|password|secret)|pwd)=[^&\s#'\"]*", re.IGNORECASE
)


def without_credentials(text: str) -> str:
    """Returns text in which no address has a user, password or token, such as `http://user:secret@host:5000`."""
    return _SECRET_ARGUMENT.sub(r"\1=...", _USER_INFO.sub("", text))
