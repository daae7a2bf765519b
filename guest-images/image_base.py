# SPDX-License-Identifier: GPL-2.0-or-later
"""The Debian part of an image: packages of one suite, unpacked by mmdebstrap, and the kernel; cached as one
archive with a record of what is in it."""
import email.utils
import hashlib
import json
import os
import re
import shlex
import subprocess
import urllib.error
import urllib.request

import image_files
from image_files import Stop

SUITE = "trixie"
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
# Never read in a level; the licences stay.
DOCUMENTS = ("path-exclude=/usr/share/man/*", "path-exclude=/usr/share/locale/*", "path-exclude=/usr/share/info/*",
             "path-exclude=/usr/share/doc/*", "path-include=/usr/share/doc/*/copyright",
             "path-exclude=/usr/share/bash-completion/*", "path-exclude=/usr/share/zsh/*")


def mirror():
    """The mirror that this machine already uses."""
    found = os.environ.get("BULKHEAD_MIRROR")
    if found:
        return found
    out = subprocess.run(
        ["apt-get", "indextargets", "--format", "$(ORIGIN)|$(CODENAME)|$(COMPONENT)|$(REPO_URI)", "Created-By: Packages"],
        stdout=subprocess.PIPE, check=True, encoding="utf-8").stdout
    for line in out.splitlines():
        _, codename, component, uri = (line.split("|") + [""] * 4)[:4]
        if codename in ("bookworm", "trixie") and component == "main" and uri.startswith("http"):
            return uri.rstrip("/")
    raise Stop("no Debian mirror is configured on this machine: add Debian main to /etc/apt/sources.list, "
               "or name one in BULKHEAD_MIRROR")


class Base:
    """`key` names its inputs; after build() or when cached, `packages`, `suite_date`, `suite_sha256` and
    `epoch` say what came of them."""

    def __init__(self, here, name, cache, say):
        self.packages_file = here / name / "packages"
        self.kernel_file = here / name / "kernel"
        self.suite = SUITE
        self.say = say
        self.cache = cache
        digest = hashlib.sha256()
        for path in (self.packages_file, self.kernel_file, here / "image_base.py"):
            digest.update(path.read_bytes() + b"\0")
        self.key = digest.hexdigest()[:32]
        self.archive = cache / f"base-{self.key}.tar"
        self.record = cache / f"base-{self.key}.json"
        self.load()

    def load(self):
        try:
            record = json.loads(self.record.read_text())
            self.packages, self.epoch = record["packages"], record["epoch"]
            self.suite_date, self.suite_sha256 = record["suite_date"], record["suite_sha256"]
            self.archive_size = record["archive_size"]
        except (OSError, ValueError, KeyError):
            self.archive_size = -1

    def is_cached(self):
        return self.archive.is_file() and self.archive.stat().st_size == self.archive_size

    def fetch_suite(self):
        """The suite's signed index of indexes; mmdebstrap checks its signature."""
        url = f"{mirror()}/dists/{SUITE}/InRelease"
        try:
            with urllib.request.urlopen(url, timeout=30) as answer:
                return answer.read()
        except (urllib.error.URLError, OSError) as error:
            raise Stop(f"the mirror does not answer ({url}: {getattr(error, 'reason', error)}): check the network and "
                       "the machine's apt sources, then run the same command again") from error

    def is_outdated(self):
        return hashlib.sha256(self.fetch_suite()).hexdigest() != self.suite_sha256

    def kernel_package(self):
        return next(line.split()[1] for line in image_files.lines(self.kernel_file) if line.startswith("package "))

    def build(self):
        release = self.fetch_suite()
        date = re.search(rb"^Date: (.*)$", release, re.M).group(1).decode()
        self.epoch = int(email.utils.parsedate_to_datetime(date).timestamp())
        self.say(f"Debian {SUITE} of {date}: packages from {mirror()}")
        with image_files.work_folder(self.cache) as folder:
            self.bootstrap(folder)
            packages = self.list_packages(folder / "status")
            packages += self.add_kernel(folder)
            os.rename(folder / "base.tar", self.archive)
        record = {"packages": sorted(packages, key=lambda p: p["name"]), "epoch": self.epoch, "suite_date": date,
                  "suite_sha256": hashlib.sha256(release).hexdigest(), "archive_size": self.archive.stat().st_size}
        new = self.record.with_suffix(".new")
        new.write_text(json.dumps(record))
        os.rename(new, self.record)
        self.load()
        for kind in (".tar", ".json"):
            for old in self.cache.glob(f"base-*{kind}"):
                if old not in (self.archive, self.record):
                    old.unlink()

    def bootstrap(self, folder):
        kernel = shlex.quote(self.kernel_package())
        quoted = shlex.quote(str(folder))
        # The kernel's package is fetched beside the root and unpacked by us: its scripts would want to build
        # an initrd with tools that a level does not need.
        fetch = ('export APT_CONFIG="$MMDEBSTRAP_APT_CONFIG"; cd ' + quoted + ' && apt-get -q -o APT::Sandbox::User=root '
                 "download $(apt-cache depends " + kernel + " | sed -n 's/^ *Depends: \\(linux-image-.*\\)/\\1/p')")
        image_files.run(
            "mmdebstrap", "--mode=root", "--variant=essential", "--architectures=amd64", "--format=tar",
            f"--keyring={KEYRING}", "--aptopt=Apt::Install-Recommends false", "--aptopt=Acquire::Retries 3",
            *(f"--dpkgopt={option}" for option in DOCUMENTS),
            "--include=" + ",".join(image_files.lines(self.packages_file)),
            "--customize-hook=" + fetch, f"--customize-hook=copy-out /var/lib/dpkg/status {quoted}",
            SUITE, str(folder / "base.tar"), f"deb {mirror()} {SUITE} main",
            env={**os.environ, "SOURCE_DATE_EPOCH": str(self.epoch), "LC_ALL": "C.UTF-8"})

    @staticmethod
    def list_packages(status):
        found = []
        for block in status.read_text(encoding="utf-8").split("\n\n"):
            fields = dict(re.findall(r"^(Package|Version|Status): (.*)$", block, re.M))
            if fields.get("Status", "").endswith(" installed"):
                found.append({"name": fields["Package"], "version": fields["Version"]})
        return found

    def add_kernel(self, folder):
        debs = list(folder.glob("linux-image-*.deb"))
        if len(debs) != 1:
            raise Stop(f"the mirror has no kernel package {self.kernel_package()}")
        image_files.run("dpkg-deb", "--extract", str(debs[0]), str(folder / "kernel"))
        image_files.run("tar", "--append", "--file", str(folder / "base.tar"), "--directory", str(folder / "kernel"),
                        "--sort=name", "--owner=0", "--group=0", "--numeric-owner", "./boot", "./usr/lib/modules")
        show = image_files.run("dpkg-deb", "--show", "--showformat=${Package} ${Version}", str(debs[0])).split()
        return [{"name": show[0], "version": show[1]}]

    def unpack(self, root):
        root.mkdir()
        image_files.run("tar", "--extract", "--file", str(self.archive), "--directory", str(root), "--numeric-owner",
                        "--same-permissions")
