# SPDX-License-Identifier: GPL-2.0-or-later
"""From an unpacked Debian to the read-only root of a level, and its initrd."""
import os
import pathlib
import shutil
import stat
import subprocess
import uuid

import image_files

USER = "user"
# Written while packages were installed; different each time, and of no use in a read-only root.
TRACES = ("var/log", "var/cache", "var/lib/apt", "var/lib/systemd", "var/tmp", "tmp", "run", "home", "root", "dev")
FILES_OF_TRACES = ("etc/hostname", "etc/resolv.conf", "etc/.pwd.lock", "var/lib/dpkg/lock", "var/lib/dpkg/lock-frontend",
                   "var/lib/dpkg/triggers/Lock", "var/lib/dbus/machine-id", "etc/apt/sources.list")


def finish(root, image, agent_dir, name, version):
    """Makes the root what a level boots. `image`: folder of guest-images."""
    remove_traces(root)
    add_user(root)
    copy_overlay(image / "root", root)
    for program, place in (("bulkhead-agent", "usr/lib/bulkhead"), ("bulkhead-send", "usr/bin")):
        install(agent_dir / program, root / place / program, 0o755)
    write(root / "usr/lib/bulkhead/image", f"{name}\n{version}\n")
    # Empty: systemd makes one up for each boot, as the root cannot be written.
    write(root / "etc/machine-id", "")
    write(root / "etc/hostname", "level\n")
    write(root / "etc/hosts", "127.0.0.1 localhost\n::1 localhost\n")
    write(root / "etc/resolv.conf", "")
    make_mount_points(root)
    configure_units(root, image)
    clear_privileges(root)


def remove_traces(root):
    for folder in TRACES:
        path = root / folder
        for entry in path.iterdir() if path.is_dir() else ():
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            else:
                entry.unlink()
    for name in FILES_OF_TRACES:
        (root / name).unlink(missing_ok=True)
    for backup in [*(root / "etc").glob("*-"), *(root / "var/lib/dpkg").glob("*-old")]:
        backup.unlink()


def add_user(root):
    """One user beside root; neither has a password that would match."""
    append(root / "etc/passwd", f"{USER}:x:1000:1000:User of this level:/home/{USER}:/bin/bash\n")
    append(root / "etc/group", f"{USER}:x:1000:\n")
    append(root / "etc/shadow", f"{USER}:*:1:0:99999:7:::\n")
    append(root / "etc/gshadow", f"{USER}:!::\n")


def copy_overlay(source, root):
    for path in image_files.tree(source):
        install(path, root / path.relative_to(source), 0o644)


def make_mount_points(root):
    (root / "state").mkdir(mode=0o700)
    for line in image_files.lines(root / "usr/lib/bulkhead/writable"):
        (root / line.split()[0].lstrip("/")).mkdir(parents=True, exist_ok=True)


def configure_units(root, image):
    units = root / "etc/systemd/system"
    for unit in image_files.lines(image / "masked-units"):
        link(units / unit, "/dev/null")
    link(units / "default.target", "/usr/lib/systemd/system/multi-user.target")
    for unit in ("bulkhead-agent.service", "bulkhead-up.service"):
        link(units / "multi-user.target.wants" / unit, f"/usr/lib/systemd/system/{unit}")
    # An overlay in memory, with what the level's user may do there.
    link(units / "local-fs.target.wants" / "tmp.mount", "/usr/lib/systemd/system/tmp.mount")
    write(units / "tmp.mount.d/options.conf",
          "[Mount]\nOptions=\nOptions=mode=1777,nosuid,nodev,noexec,size=25%,nr_inodes=100k\n")


def clear_privileges(root):
    """No SUID or SGID bit in a level (T5). Capabilities of files go too: root.erofs has no attributes."""
    for folder, folders, files in os.walk(root):
        for name in folders + files:
            path = os.path.join(folder, name)
            mode = os.lstat(path).st_mode
            if stat.S_ISREG(mode) and mode & (stat.S_ISUID | stat.S_ISGID):
                os.chmod(path, stat.S_IMODE(mode) & 0o1777)


def kernel_version(root):
    return next((root / "usr/lib/modules").iterdir()).name


def make_initrd(root, image, init, folder, epoch):
    """bulkhead-init and the modules it loads, in order; not compressed, as it is small and read once."""
    image_files.run("depmod", "--basedir", str(root), kernel_version(root))
    tree = folder / "initrd"
    for place in ("dev", "proc", "sys", "root", "modules"):
        (tree / place).mkdir(parents=True)
    install(init, tree / "init", 0o755)
    os.mknod(tree / "dev/console", stat.S_IFCHR | 0o600, os.makedev(5, 1))
    order = [copy_module(path, tree / "modules") for path in module_files(root, image)]
    write(tree / "modules/order", "".join(name + "\n" for name in order))
    paths = sorted(str(p.relative_to(tree)) for p in tree.rglob("*"))
    for path in paths:
        os.utime(tree / path, (epoch, epoch))
    pack_cpio(tree, paths, folder / "initrd.img")
    shutil.rmtree(tree)


def pack_cpio(tree, paths, out):
    listing = out.with_suffix(".list")
    listing.write_text("\0".join(paths))
    with open(listing, "rb") as names, open(out, "wb") as archive:
        subprocess.run(["cpio", "--null", "--create", "--format=newc", "--reproducible", "--quiet", "--owner=+0:+0"],
                       cwd=tree, stdin=names, stdout=archive, check=True)
    listing.unlink()


def module_files(root, image):
    """Files of the kernel's modules, each after those it needs, once."""
    found = []
    for line in image_files.lines(image / "kernel"):
        word, name = line.split()
        if word != "module":
            continue
        shown = image_files.run("modprobe", "--dirname", str(root), "--set-version", kernel_version(root),
                                "--show-depends", "--ignore-install", name)
        paths = [entry.split()[1] for entry in shown.splitlines() if entry.startswith("insmod ")]
        found += [p for p in paths if p not in found]
    return found


def copy_module(path, folder):
    """Unpacked: finit_module() of the initrd takes plain files."""
    path = pathlib.Path(path)
    out = folder / path.name.removesuffix(".xz")
    if path.suffix == ".xz":
        with open(out, "wb") as plain:
            subprocess.run(["xz", "--decompress", "--stdout", str(path)], stdout=plain, check=True)
    else:
        shutil.copyfile(path, out)
    return out.name


def clean_boot(root):
    for entry in (root / "boot").iterdir():
        entry.unlink()
    modules = root / "usr/lib/modules" / kernel_version(root)
    for name in ("build", "source"):
        (modules / name).unlink(missing_ok=True)


def make_erofs(root, out, epoch, version):
    """The same tree gives the same bytes: fixed time, fixed UUID, no attributes; mkfs.erofs sorts by itself."""
    fixed = uuid.uuid5(uuid.NAMESPACE_URL, "bulkhead-image:" + version)
    image_files.run("mkfs.erofs", "-zlz4", "-x-1", f"-T{epoch}", f"-U{fixed}", str(out), str(root))


def install(source, target, mode):
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
    os.chmod(target, mode)


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    path.write_text(text, encoding="utf-8")
    os.chmod(path, 0o644)


def append(path, text):
    with open(path, "a", encoding="utf-8") as file:
        file.write(text)


def link(path, target):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    path.symlink_to(target)
