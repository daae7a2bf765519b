// SPDX-License-Identifier: GPL-2.0-or-later
#include "device-broker/block_devices.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <filesystem>

namespace bulkhead::broker {

namespace fs = std::filesystem;

namespace {

constexpr std::uint64_t kSectorBytes = 512;  // sysfs counts in these, whatever the disk's own are

Error OpenError(const Medium& medium, int saved) {
  const std::string& path = medium.identity.path;
  switch (saved) {
    case EBUSY:
      return {ErrorCode::kBusy, "the host uses " + path + ": something has it mounted or claimed",
              saved};
    case ENOMEDIUM:
      return {ErrorCode::kUnavailable, "there is no medium in " + path, saved};
    case EROFS:
      return {ErrorCode::kRefused, path + " is write-protected", saved};
    case ENXIO:
    case ENODEV:
    case ENOENT:
      return {ErrorCode::kUnavailable, path + " went away", saved};
    default:
      return FailErrno("open " + path, saved).error();
  }
}

/// The node itself, not what a link leads to, and before it is opened in earnest: opening a FIFO in
/// its place would wait for ever.
Result<UniqueFd> FindNode(const Medium& medium) {
  const MediumIdentity& want = medium.identity;
  UniqueFd node(::open(want.path.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
  if (!node) return std::unexpected(OpenError(medium, errno));
  struct stat at{};
  if (::fstat(node.get(), &at) != 0) return FailErrno("stat " + want.path);
  if (!S_ISBLK(at.st_mode) || at.st_rdev != makedev(want.major, want.minor)) {
    return Fail(ErrorCode::kConflict, want.path + " is not the device that was judged");
  }
  return node;
}

/// The medium can have been changed since it was judged; now that it is claimed it cannot.
Status CheckSequence(int fd, const Medium& medium) {
  std::uint64_t now = 0;
  if (medium.identity.diskseq == 0) return {};
  if (::ioctl(fd, BLKGETDISKSEQ, &now) != 0) return FailErrno("ask for the medium's number");
  if (now == medium.identity.diskseq) return {};
  return Fail(ErrorCode::kConflict,
              "the medium in " + medium.identity.path + " was changed just now: list again");
}

}  // namespace

Result<BlockDevices> BlockDevices::Open(Roots roots) {
  auto use = HostUse::Open(roots.mountinfo, roots.swaps);
  if (!use) return Propagate(use);
  return BlockDevices(std::move(roots), std::move(*use));
}

BlockDevices::Links BlockDevices::ReadLinks() const {
  Links links;
  for (const std::string& kind : NamesIn(roots_.dev + "/disk")) {
    for (const std::string& name : NamesIn(roots_.dev + "/disk/" + kind)) {
      std::string link = roots_.dev + "/disk/" + kind + "/" + name;
      std::error_code error;
      fs::path node = fs::canonical(link, error);
      if (!error) links.emplace(node, link);
    }
  }
  return links;
}

/// "mounted on /mnt", "dm-0 is built on it", ...; empty: nothing that we can see.
std::string BlockDevices::UseOf(const SysfsDisk& disk) const {
  if (auto use = use_.Of(disk.DeviceNumber(), roots_.dev + "/" + disk.name())) return *use;
  for (const std::string& part : disk.Partitions()) {
    auto use = use_.Of(disk.DeviceNumber(part), roots_.dev + "/" + part);
    if (use) return "its part " + part + " is " + *use;
  }
  auto holders = disk.Holders();
  if (!holders.empty()) return holders[0] + " is built on it";
  // The claim would be on the loop device, not on the disk below.
  if (disk.IsLoop() && disk.Text("loop/backing_file").starts_with("/dev/")) {
    return "it is a loop over another device";
  }
  return "";
}

Medium BlockDevices::Read(const SysfsDisk& disk, const Links& links) const {
  Medium medium;
  medium.id = disk.name();
  // First: if the medium is changed while the rest is read, this is the old one's number, and Claim
  // will see that.
  medium.identity.diskseq = disk.Number("diskseq");
  medium.identity.path = roots_.dev + "/" + disk.name();
  medium.identity.major = major(disk.DeviceNumber());
  medium.identity.minor = minor(disk.DeviceNumber());
  medium.identity.size_bytes = disk.Number("size") * kSectorBytes;
  if (disk.IsLoop()) medium.identity.backing_file = disk.Text("loop/backing_file");
  medium.title = disk.Title();
  medium.serial = disk.Serial();
  medium.read_only = disk.Number("ro") == 1;
  medium.names.push_back(medium.identity.path);
  for (const std::string& part : disk.Partitions()) {
    medium.names.push_back(roots_.dev + "/" + part);
  }
  for (std::size_t i = 0, nodes = medium.names.size(); i < nodes; ++i) {
    auto [first, last] = links.equal_range(medium.names[i]);
    for (; first != last; ++first) medium.names.push_back(first->second);
  }
  medium.host_use = UseOf(disk);
  return medium;
}

Result<std::vector<Medium>> BlockDevices::Enumerate() {
  if (Status read = use_.Refresh(); !read) return Propagate(read);
  std::vector<Medium> media;
  Links links = ReadLinks();
  for (const std::string& name : NamesIn(roots_.sys + "/block")) {
    SysfsDisk disk(roots_.sys, name);
    if (disk.IsLendable() && IsDeviceId(name)) media.push_back(Read(disk, links));
  }
  return media;
}

Result<UniqueFd> BlockDevices::Claim(const Medium& medium, bool write) {
  if (write && medium.read_only) return std::unexpected(OpenError(medium, EROFS));
  auto node = FindNode(medium);
  if (!node) return Propagate(node);
  std::string self = "/proc/self/fd/" + std::to_string(node->get());
  UniqueFd fd(::open(self.c_str(), (write ? O_RDWR : O_RDONLY) | O_EXCL | O_CLOEXEC | O_NOCTTY));
  if (!fd) return std::unexpected(OpenError(medium, errno));
  if (Status same = CheckSequence(fd.get(), medium); !same) return Propagate(same);
  return fd;
}

}  // namespace bulkhead::broker
