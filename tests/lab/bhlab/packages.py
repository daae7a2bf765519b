# SPDX-License-Identifier: GPL-2.0-or-later
"""Our own packages in the lab host: a local apt repository made of .deb files, and apt installing from it."""
import hashlib
import io
import os
import pathlib
import subprocess
import tarfile
import tempfile

from .host import Host
from .places import CACHE, TOP
from .words import LabError, step

BUILD = TOP / "setup/build-debs"
REPOSITORY = "/var/lib/lab-repository"
META = "bulkhead"
IMAGES = "/var/lib/bulkhead/images"
BUILD_IMAGE = TOP / "guest-images/build-image"
APT = "DEBIAN_FRONTEND=noninteractive apt-get -q -y -o Dpkg::Use-Pty=0 -o APT::Color=0"


def build() -> pathlib.Path | None:
    """Our packages of this checkout, built for Debian 13; None if this checkout cannot build any."""
    if not os.access(BUILD, os.X_OK):
        return None
    out = CACHE / "debs"
    out.mkdir(parents=True, exist_ok=True)
    log = CACHE / "debs.log"
    with step("packages built", 240) as told:
        with log.open("wb") as sink:
            code = subprocess.run([str(BUILD), str(out)], stdin=subprocess.DEVNULL, stdout=sink, stderr=sink, check=False).returncode
        if code != 0:
            raise LabError(f"setup/build-debs ended with {code}", f"See {log}, or go on without: --no-packages")
        told.result = f"{len(debs_in(out))} .deb files"
    return out


def debs_in(folder: pathlib.Path) -> list[pathlib.Path]:
    """The .deb files of a folder, without debugging symbols."""
    return sorted(p for p in folder.glob("*.deb") if "-dbgsym_" not in p.name)


def key(folder: pathlib.Path) -> str:
    """The hash of the files' contents."""
    digest = hashlib.sha256()
    for deb in debs_in(folder):
        digest.update(deb.name.encode() + hashlib.sha256(deb.read_bytes()).digest())
    return digest.hexdigest()[:24]


def index(folder: pathlib.Path) -> bytes:
    """The Packages file of a flat repository."""
    stanzas = []
    for deb in debs_in(folder):
        control = subprocess.run(["dpkg-deb", "-f", str(deb)], check=True, capture_output=True, text=True).stdout.strip()
        content = deb.read_bytes()
        stanzas.append(f"{control}\nFilename: ./{deb.name}\nSize: {len(content)}\nSHA256: {hashlib.sha256(content).hexdigest()}\n")
    return "\n".join(stanzas).encode()


def repository(folder: pathlib.Path) -> bytes:
    """The repository as a tar archive."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for deb in debs_in(folder):
            tar.add(deb, deb.name)
        listing = index(folder)
        entry = tarfile.TarInfo("Packages")
        entry.size = len(listing)
        tar.addfile(entry, io.BytesIO(listing))
    return out.getvalue()


def offer(host: Host, folder: pathlib.Path) -> None:
    """Puts the repository onto the host and tells apt of it."""
    if not debs_in(folder):
        raise LabError(f"there is no .deb file in {folder}", "Build them: setup/build-debs FOLDER")
    host.run(f"rm -rf {REPOSITORY} && mkdir -p {REPOSITORY} && tar -C {REPOSITORY} -x --no-same-owner", 300, repository(folder))
    line = f"deb [trusted=yes] file:{REPOSITORY} ./"
    host.run(f"echo '{line}' > /etc/apt/sources.list.d/lab.list && {APT} update", 300)


def install(host: Host, folder: pathlib.Path, names: str = META) -> str:
    """apt install, from nothing but the repository; returns what came of it."""
    offer(host, folder)
    host.run(f"{APT} install --no-install-recommends {names}", 900)
    rows = host.run("dpkg-query -W -f '${db:Status-Abbrev} ${Package} ${Version}\\n' 'bulkhead*'").splitlines()
    installed = [r.split()[1] for r in rows if r.startswith("ii")]
    version = next((r.split()[2] for r in rows if r.startswith("ii")), "")
    return f"{len(installed)} installed by apt, {version}"


def level_image(folder: pathlib.Path) -> pathlib.Path:
    """The level image "minimal" with the guest programs of our packages. Built on this side: the lab host reaches no mirror."""
    out = CACHE / "level-minimal"
    log = CACHE / "level.log"
    agents = sorted(folder.glob("bulkhead-agent_*.deb"))
    if not agents:
        raise LabError(f"there is no bulkhead-agent package in {folder}", "Build all packages: setup/build-debs FOLDER")
    with tempfile.TemporaryDirectory(prefix="agent-", dir=CACHE) as scratch:
        subprocess.run(["dpkg-deb", "-x", str(agents[-1]), scratch], check=True)
        command = [str(BUILD_IMAGE), "minimal", "--agent-dir", f"{scratch}/usr/lib/bulkhead/agent", "--out", str(out),
                   "--cache", str(CACHE.parent / "images")]
        with log.open("wb") as sink:
            code = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=sink, stderr=sink, check=False).returncode
    if code != 0:
        raise LabError(f"the level image could not be built: build-image ended with {code}", f"See {log}.")
    return out


def bring_image(host: Host, image: pathlib.Path) -> str:
    """Puts a built level image onto the host, where the spec looks for it."""
    archive = subprocess.run(["tar", "-C", str(image.parent), "--transform", f"s/^{image.name}/minimal/", "-cf", "-", image.name],
                             check=True, capture_output=True).stdout
    host.run(f"mkdir -p {IMAGES} && tar -C {IMAGES} -x --no-same-owner && sync", 600, archive)
    return f"minimal, {len(archive) >> 20} MiB"
