#!/usr/bin/python3
"""What a system has besides its Debian packages: what pip, uv and conda put there, kernels, menu entries, units, users.

  contents.py [ROOT]      ROOT: the system's folder, / by default

Prints one JSON text a line, and {"kind": "end"} last. It only reads, imports nothing of what it finds, and goes on where
something cannot be read: a line "incomplete" then says so. Python 3.6 and later.
"""

import json
import os
import re
import sys
import time

# Where environments are made. Kernels name others.
PLACES = ("opt", "srv", "usr/local", "home", "root")
# Folders without an environment that is in use: caches, and what is not a disk's.
SKIPPED = {".cache", "__pycache__", "node_modules", ".git", "proc", "sys"}
SECONDS = 120
LONGEST_HEADER = 1 << 18

ROOT = os.path.abspath(sys.argv[1] if len(sys.argv) > 1 else "/")


def say(kind, **values):
    print(json.dumps(dict(values, kind=kind), sort_keys=True))


def shown(path):
    """A path as it is in the system."""
    return "/" + os.path.relpath(path, ROOT) if path != ROOT else "/"


def listed(folder):
    try:
        return sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        if not isinstance(error, (FileNotFoundError, NotADirectoryError)):
            say("incomplete", what=f"{shown(folder)}: {error.strerror}")
        return []


def read(path):
    """A text file; nothing where it cannot be read."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError as error:
        say("incomplete", what=f"{shown(path)}: {error.strerror}")
        return ""


def found_folders(places):
    """Folders of packages below some places: site-packages and the like, conda-meta, or a lone dist-info's parent."""
    own = os.stat(ROOT).st_dev
    end = time.monotonic() + SECONDS
    waiting = [os.path.join(ROOT, place) for place in places]
    seen = set()
    while waiting:
        folder = waiting.pop()
        if time.monotonic() > end:
            say("incomplete", what=f"{shown(folder)}: not looked at after {SECONDS} s")
            return
        try:
            status = os.lstat(folder)
        except OSError:
            continue
        # Homes and data of a server are not the image's.
        if (status.st_dev, status.st_ino) in seen or (status.st_dev != own and os.major(status.st_dev) == 0):
            continue
        seen.add((status.st_dev, status.st_ino))
        loose = False
        for entry in listed(folder):
            if entry.name in SKIPPED or not entry.is_dir(follow_symlinks=False):
                continue
            if entry.name in ("site-packages", "dist-packages", "conda-meta"):
                yield entry.path
            elif entry.name.endswith((".dist-info", ".egg-info")):
                loose = True
            else:
                waiting.append(entry.path)
        if loose:
            yield folder


def environment_of(folder):
    """/opt/x of /opt/x/lib/python3.11/site-packages; any other folder is one itself."""
    match = re.match(r"(.*)/lib(?:64)?/python[0-9.]*/(?:site|dist)-packages$", folder)
    if match:
        return match.group(1) or "/"
    return os.path.dirname(folder) if os.path.basename(folder) == "conda-meta" else folder


def header(path):
    """The fields at the beginning of a METADATA file, each with its values; a value has one line."""
    fields = {}
    with open(path, encoding="utf-8", errors="replace") as file:
        for line in file.read(LONGEST_HEADER).splitlines():
            if not line:
                break
            name, colon, value = line.partition(":")
            if colon and not line[0].isspace():
                fields.setdefault(name.lower(), []).append(value.strip())
            elif line[0].isspace():
                # A whole licence in the place of its name.
                fields.pop("license", None)
    return fields


def python_package(entry):
    """What an entry of site-packages says of itself; nothing where it is no package."""
    if entry.name.endswith(".dist-info"):
        path = os.path.join(entry.path, "METADATA")
    elif entry.name.endswith(".egg-info"):
        path = os.path.join(entry.path, "PKG-INFO") if entry.is_dir() else entry.path
    else:
        return None
    fields = {}
    try:
        fields = header(path)
    except OSError as error:
        say("incomplete", what=f"{shown(path)}: {error.strerror}")
    first = lambda name: (fields.get(name) or [""])[0]
    # The folder's name has both, too.
    stem = entry.name.rsplit(".", 1)[0]
    name, _, version = stem.partition("-")
    package = {"name": first("name") or name, "version": first("version") or version.split("-")[0]}
    if not package["version"]:
        say("incomplete", what=f"{shown(path)}: no version")
        return None
    if first("license-expression"):
        package["expression"] = first("license-expression")
    if first("license"):
        package["license"] = first("license")[:200]
    classifiers = [text for text in fields.get("classifier", []) if text.startswith("License ::")]
    if classifiers:
        package["classifiers"] = classifiers
    return path, package


def conda_packages(folder):
    """What conda put into an environment: its packages, and the paths of METADATA that are theirs."""
    files = set()
    packages = []
    environment = os.path.dirname(folder)
    for entry in listed(folder):
        if not entry.name.endswith(".json"):
            continue
        try:
            found = json.loads(read(entry.path) or "{}")
            package = {key: str(found[key]) for key in ("name", "version")}
        except (ValueError, KeyError, TypeError):
            say("incomplete", what=f"{shown(entry.path)}: not what conda writes")
            continue
        for key in ("build", "channel", "subdir", "license"):
            if isinstance(found.get(key), str):
                package[key] = found[key][:200]
        packages.append(package)
        for file in found.get("files") or []:
            if isinstance(file, str) and re.search(r"\.(dist|egg)-info(/METADATA|/PKG-INFO)?$", file):
                files.add(os.path.join(environment, file))
    return files, packages


def say_packages(folders):
    """Says the packages of all folders; returns the environments that JupyterLab or its like is in."""
    folders = sorted(folders, key=lambda folder: os.path.basename(folder) != "conda-meta")
    of_conda = set()
    servers = set()
    for folder in folders:
        environment = environment_of(folder)
        conda = os.path.basename(folder) == "conda-meta"
        if not conda and os.path.exists(os.path.join(environment, "info", "index.json")) \
                and not os.path.isdir(os.path.join(environment, "conda-meta")):
            continue  # unpacked in conda's own cache
        packages = []
        if conda:
            files, packages = conda_packages(folder)
            of_conda |= files
        else:
            for path, package in filter(None, map(python_package, listed(folder))):
                if path not in of_conda:
                    packages.append(package)
        for package in packages:
            say("package", type="conda" if conda else "pypi", environment=shown(environment), **package)
            if package["name"].lower().replace("_", "-") in ("jupyter-server", "notebook"):
                servers.add(environment)
    return servers


def kernels(share, environment=None):
    """The kernels below a folder, each with the environment that it runs in."""
    for entry in listed(os.path.join(share, "jupyter", "kernels")):
        path = os.path.join(entry.path, "kernel.json")
        if not os.path.isfile(path):
            continue
        try:
            found = json.loads(read(path) or "{}")
            program = str(found["argv"][0])
        except (ValueError, KeyError, IndexError, TypeError):
            say("incomplete", what=f"{shown(path)}: not what Jupyter reads")
            continue
        match = re.match(r"(/.+)/bin/[^/]+$", program)
        home = match.group(1) if match else (shown(environment) if environment else "")
        yield {"name": entry.name, "title": str(found.get("display_name") or entry.name), "environment": home}


def say_applications():
    seen = set()
    for place in ("usr/local/share/applications", "usr/share/applications"):
        for entry in listed(os.path.join(ROOT, place)):
            if not entry.name.endswith(".desktop") or entry.name in seen or not os.path.isfile(entry.path):
                continue
            seen.add(entry.name)
            group, fields = "", {}
            for line in read(entry.path).splitlines():
                if line.startswith("["):
                    group = line.strip()
                elif group == "[Desktop Entry]" and "=" in line:
                    key, _, value = line.partition("=")
                    fields.setdefault(key.strip(), value.strip())
            if "true" not in (fields.get("NoDisplay", "").lower(), fields.get("Hidden", "").lower()):
                say("application", name=entry.name, title=fields.get("Name", entry.name))


def say_units():
    names = set()
    for wants in listed(os.path.join(ROOT, "etc/systemd/system")):
        if wants.name.endswith((".wants", ".requires")) and wants.is_dir():
            names |= {entry.name for entry in listed(wants.path)}
    for name in sorted(names):
        say("unit", name=name)


def say_users():
    for line in read(os.path.join(ROOT, "etc/passwd")).splitlines():
        fields = line.split(":")
        if len(fields) == 7:
            say("user", name=fields[0], uid=fields[2], shell=fields[6])


def main():
    declared = []
    for share in ("usr/local/share", "usr/share"):
        declared += kernels(os.path.join(ROOT, share))
    # The prefix of Debian's own Python has Debian's packages.
    extra = {kernel["environment"].lstrip("/") for kernel in declared} - {"", "usr"}
    inside = lambda path: any(path == place or path.startswith(f"{place}/") for place in PLACES)
    folders = set(found_folders([*PLACES, *sorted(path for path in extra if not inside(path))]))
    for server in sorted(say_packages(sorted(folders))):
        declared += kernels(os.path.join(server, "share"), server)
    for kernel in declared:
        say("kernel", **kernel)
    say_applications()
    say_units()
    say_users()
    say("end")


if __name__ == "__main__":
    main()
