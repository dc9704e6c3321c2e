"""Where the text of a setting comes from: the environment, and files in a secrets directory.

One rule holds for every setting and every command. White space around a value is dropped, an empty
value counts as unset, and quotes around a value are refused. The environment wins over a file.
"""

import difflib
import os
import re
import stat
import unicodedata
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from entrypoints.settings import PREFIX, SECRETS_DIRECTORY

_MARK: Final = "\N{ZERO WIDTH NO-BREAK SPACE}"
#: White space, and invisible characters that editors and web pages leave around a value.
_AROUND: Final = re.compile(rf"\A[\s{_MARK}\u200b\u2060]+|[\s{_MARK}\u200b\u2060]+\Z")
_QUOTES: Final = {'"': '"', "'": "'", "`": "`", "\u201c": "\u201d", "\u2018": "\u2019"}
# Compose, the shell, Kubernetes and template languages replace these before a program starts.
_REFERENCE: Final = re.compile(r"\$\{[^{}]*\}|\$\([^()]*\)|\{\{[^{}]*\}\}")
_LINE_BREAKS: Final = frozenset("\t\r\n")
_PLAIN_NAME: Final = re.compile(r"[A-Za-z0-9_]{0,64}", re.ASCII)
# What Kubernetes sets in each container for a Service whose name begins with ours. The form of
# Docker's links (https://kubernetes.io/docs/concepts/services-networking/service/).
_OF_SERVICE: Final = re.compile(
    r"(_[A-Z0-9_]+)?_(SERVICE_HOST|SERVICE_PORT(_[A-Z0-9_]+)?"
    r"|PORT_[0-9]+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)",
    re.ASCII,
)
_ADDRESS_OF_SERVICE: Final = re.compile(r"(tcp|udp|sctp)://")
_FILE_SUFFIX: Final = "_FILE"
_MAX_FILE_BYTES: Final = 65_536
#: UTF-16 is what PowerShell's `>` writes. The mark says which one it is.
_UTF16_MARKS: Final = (b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True, kw_only=True)
class Given:
    """What the operator set.

    Attributes:
        texts: The clean text of each setting that is set, by name.
        unknown: One line for each name that isn't a setting.
        faults: One line for each other fault, with the name of the setting but never its value.
    """

    texts: Mapping[str, str] = field(repr=False)
    unknown: list[str]
    faults: list[str]


def given_texts(
    environment: Mapping[str, str],
    *,
    known: Collection[str],
    wanted: Collection[str],
    meaningful_if_empty: Collection[str] = (),
) -> Given:
    """Collect the texts of settings.

    Args:
        environment: The environment variables.
        known: The names of all settings.
        wanted: The names of the settings to collect. The others can't be faults.
        meaningful_if_empty: The names of settings that an empty value doesn't unset.
    """
    variables = _variables(environment)
    names = [name for name in variables if name not in {*known, SECRETS_DIRECTORY}]
    faults: list[str] = []
    folder: Path | None = None
    files: Collection[str] = ()
    try:
        directory = _clean(variables.get(SECRETS_DIRECTORY, ""))
    except ValueError as fault:
        faults.append(f"{SECRETS_DIRECTORY}: {fault}")
    else:
        if directory:
            folder = Path(directory)
            files, in_folder = _files(folder, wanted=wanted)
            names += [name for name in files if name not in known]
            faults += in_folder
    texts: dict[str, str] = {}
    for name in wanted:
        is_empty_allowed = name in meaningful_if_empty
        try:
            text = _clean(variables.get(name, ""))
            is_given = bool(text) or (is_empty_allowed and name in variables)
            if not is_given and folder is not None and name in files:
                text = _clean(_text_of(folder / name))
                is_given = bool(text) or is_empty_allowed
        except ValueError as fault:
            faults.append(f"{name}: {fault}")
        else:
            if is_given:
                texts[name] = text
    unknown = [_unknown_setting(name, known) for name in names]
    return Given(texts=texts, unknown=unknown, faults=faults)


def clean_variables(
    environment: Mapping[str, str],
    *,
    known: Collection[str],
    meaningful_if_empty: Collection[str] = (),
) -> dict[str, str]:
    """The environment variables that set something, by name, each with its clean value."""
    variables = _variables(environment)
    values = {name: _AROUND.sub("", variables[name]) for name in variables if name in known}
    return {name: text for name, text in values.items() if text or name in meaningful_if_empty}


def file_of(environment: Mapping[str, str], name: str) -> Path | None:
    """The file that a setting comes from, if it comes from a file."""
    variables = _variables(environment)
    directory = _AROUND.sub("", variables.get(SECRETS_DIRECTORY, ""))
    if not directory or _AROUND.sub("", variables.get(name, "")):
        return None
    return Path(directory) / name


def _unknown_setting(name: str, known: Collection[str]) -> str:
    """The line about a name that isn't a setting.

    A line of a file with variables that wasn't understood can become a name, with a secret in it.
    So only the beginning of such a name is quoted.
    """
    plain = _PLAIN_NAME.match(name)
    shown = plain[0] if plain else ""
    of_file = shown.upper().removesuffix(_FILE_SUFFIX)
    if of_file != shown.upper() and of_file in known:
        return (
            f"{shown}: no such setting; name the file {of_file}, and set {SECRETS_DIRECTORY} "
            "to its directory"
        )
    nearest = difflib.get_close_matches(shown.upper(), known, n=1, cutoff=0.0)
    dots = "" if shown == name else "..."
    return f"{shown}{dots}: no such setting; did you mean {nearest[0]}?"


def _variables(environment: Mapping[str, str]) -> dict[str, str]:
    """The raw values of the variables that are meant for this service."""
    # The first line of a file with variables can begin with a byte-order mark.
    named = {name.removeprefix(_MARK): value for name, value in environment.items()}
    return {
        name: value
        for name, value in named.items()
        if name.upper().startswith(PREFIX) and not _is_of_kubernetes(name, value)
    }


def _is_of_kubernetes(name: str, value: str) -> bool:
    service = name.removeprefix(PREFIX.removesuffix("_"))
    if _OF_SERVICE.fullmatch(service):
        return True
    return service.endswith("_PORT") and _ADDRESS_OF_SERVICE.match(value) is not None


def _clean(text: str) -> str:
    """The text without what is around it.

    Raises:
        ValueError: It can't be what the operator meant. The message doesn't quote it.
    """
    text = _AROUND.sub("", text)
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise ValueError("is not valid UTF-8 text: write it again")
    if any(
        unicodedata.category(character) == "Cc" and character not in _LINE_BREAKS
        for character in text
    ):
        raise ValueError("has a control character in it: write it again")
    if len(text) > 1 and _QUOTES.get(text[0]) == text[-1]:
        raise ValueError("has quotes around it, which would be part of the value: remove them")
    if _REFERENCE.fullmatch(text):
        raise ValueError("is a reference that nothing replaced: write the value itself")
    return text


def _files(folder: Path, *, wanted: Collection[str]) -> tuple[list[str], list[str]]:
    """The names of the files that are meant for this service, and a line for each fault."""
    user = os.geteuid()
    try:
        with os.scandir(folder) as entries:
            ours = sorted(
                (entry for entry in entries if entry.name.upper().startswith(PREFIX)),
                key=lambda entry: entry.name,
            )
    except PermissionError:
        fault = (
            f"the directory cannot be listed by user id {user}: make that user its owner, "
            "with chown or where it is mounted (docs/deployment.md)"
        )
        return [], [f"{SECRETS_DIRECTORY}: {fault}"]
    except OSError:
        return [], [f"{SECRETS_DIRECTORY}: no such directory: make it, or unset the setting"]
    return [entry.name for entry in ours], [
        f"{entry.name}: the file is readable by everybody: give it mode 0400 and the owner {user}, "
        "with chmod and chown or where it is mounted (docs/deployment.md)"
        for entry in ours
        if entry.name in wanted and _is_readable_by_everybody(entry)
    ]


def _is_readable_by_everybody(entry: os.DirEntry[str]) -> bool:
    # Kubernetes mounts secrets as links into a directory that only the pod can read.
    if not entry.is_file(follow_symlinks=False):
        return False
    return bool(entry.stat(follow_symlinks=False).st_mode & stat.S_IROTH)


def _text_of(path: Path) -> str:
    try:
        status = path.stat()
        if stat.S_ISDIR(status.st_mode):
            # Docker makes a directory in place of a file that it doesn't find.
            raise ValueError("is a directory and not a file: does the file to mount exist?")
        if not stat.S_ISREG(status.st_mode) or status.st_size > _MAX_FILE_BYTES:
            raise ValueError("is not a file with one value: write the value alone into a file")
        content = path.read_bytes()
    except PermissionError:
        raise ValueError(
            f"the file cannot be read by user id {os.geteuid()}: make that user its owner, "
            "with chown or where it is mounted (docs/deployment.md)"
        ) from None
    except FileNotFoundError:
        raise ValueError(
            "links to a file that doesn't exist: mount that file, or remove the link"
        ) from None
    except OSError:
        raise ValueError("the file cannot be read: check its disk or mount") from None
    try:
        return content.decode("utf-16" if content.startswith(_UTF16_MARKS) else "utf-8")
    except UnicodeError:
        raise ValueError("the file cannot be read as text: save it in UTF-8") from None
