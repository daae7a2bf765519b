// SPDX-License-Identifier: GPL-2.0-or-later
#include "hostd/storage/image_store.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <ctime>

#include "hostd/storage/manifest.h"
#include "vmspec/base/sanitize.h"
#include "vmspec/scalars.h"

namespace bulkhead::hostd {

namespace {

/// Files changed so lately may change again within one tick of their times: they are not
/// remembered.
constexpr std::int64_t kSettledSeconds = 2;
/// More stamps than images that anybody has; a bound, not a cache policy.
constexpr std::size_t kMostKnown = 1024;

/// Every fault of an image, with what a person can do.
std::unexpected<Error> Bad(const std::string& image, const std::string& what) {
  return Fail(ErrorCode::kCorrupt, "image " + image + " is not used: " + what +
                                       "; build it again with guest-images/build-image");
}

/// `name` in `folder` for reading, if it is a regular file. Never waits for a FIFO's writer.
Result<UniqueFd> OpenRegular(int folder, const std::string& image, const std::string& name) {
  UniqueFd fd(
      ::openat(folder, name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
  if (!fd && errno == ENOENT) return Bad(image, name + " is missing");
  if (!fd && errno == ELOOP) return Bad(image, name + " is a symbolic link");
  if (!fd) return FailErrno("open " + name + " of image " + image);
  struct stat now{};
  if (::fstat(fd.get(), &now) != 0) return FailErrno("stat " + name + " of image " + image);
  if (!S_ISREG(now.st_mode)) return Bad(image, name + " is no regular file");
  return fd;
}

/// All of it; kLimit when it is longer than `most`, whatever its size claims.
Result<std::string> ReadBounded(int fd, std::size_t most) {
  std::string text(most + 1, '\0');
  std::size_t got = 0;
  while (got < text.size()) {
    ssize_t n = ::read(fd, text.data() + got, text.size() - got);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return FailErrno("read");
    if (n == 0) break;
    got += static_cast<std::size_t>(n);
  }
  if (got > most) return Fail(ErrorCode::kLimit, "it is longer than 1 MiB");
  text.resize(got);
  return text;
}

Result<ImageManifest> ReadManifest(int folder, const std::string& image) {
  auto fd = OpenRegular(folder, image, "manifest.json");
  if (!fd) return Propagate(fd);
  auto text = ReadBounded(fd->get(), kMaxManifestBytes);
  if (!text) return Bad(image, "manifest.json: " + text.error().message);
  auto manifest = ParseManifest(*text, image);
  if (!manifest) return Bad(image, "manifest.json: " + manifest.error().message);
  return manifest;
}

}  // namespace

ImageStore::ImageStore(std::string images_dir) : images_dir_(std::move(images_dir)) {}

Result<UniqueFd> ImageStore::OpenFolder(const std::string& name) const {
  if (!vmspec::IsName(name)) {
    return Fail(ErrorCode::kInvalid,
                "\"" + Printable(name, 64) + "\" is no image: " + vmspec::kNameRule);
  }
  std::string path = images_dir_ + "/" + name;
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!fd && errno == ENOENT) {
    return Fail(ErrorCode::kNotFound, "there is no image " + name + " in " + images_dir_ +
                                          ": build it with guest-images/build-image");
  }
  if (!fd && (errno == ENOTDIR || errno == ELOOP)) return Bad(name, path + " is no folder");
  if (!fd) return FailErrno("open " + path);
  return fd;
}

Result<ImageManifest> ImageStore::Load(const std::string& name) const {
  auto folder = OpenFolder(name);
  if (!folder) return Propagate(folder);
  return ReadManifest(folder->get(), name);
}

Result<VerifiedImage> ImageStore::Open(const std::string& name) {
  auto folder = OpenFolder(name);
  if (!folder) return Propagate(folder);
  auto manifest = ReadManifest(folder->get(), name);
  if (!manifest) return Propagate(manifest);
  VerifiedImage image;
  image.manifest = *manifest;
  struct Part {
    const char* file;
    const ImageFile* expected;
    UniqueFd* fd;
  };
  for (const Part& part : {Part{kKernelFile, &manifest->kernel, &image.kernel},
                           {kInitrdFile, &manifest->initrd, &image.initrd},
                           {kRootFile, &manifest->root, &image.root}}) {
    auto fd = OpenFile(folder->get(), name, part.file, *part.expected);
    if (!fd) return Propagate(fd);
    *part.fd = std::move(*fd);
  }
  return image;
}

Result<UniqueFd> ImageStore::OpenFile(int folder, const std::string& image, const char* file,
                                      const ImageFile& expected) {
  auto fd = OpenRegular(folder, image, file);
  if (!fd) return fd;
  auto stamp = StampOf(fd->get());
  if (!stamp) return Propagate(stamp);
  auto size = static_cast<std::uint64_t>(stamp->size);
  if (size != expected.size) {
    return Bad(image, std::string(file) + " has " + std::to_string(size) + " bytes and not the " +
                          std::to_string(expected.size) + " of its manifest");
  }
  auto digest = DigestOf(fd->get());
  if (!digest && digest.error().code == ErrorCode::kConflict) {
    return Bad(image, std::string(file) + " is being changed");
  }
  if (!digest) return Propagate(digest, std::string(file) + " of image " + image);
  if (*digest != expected.sha256) {
    return Bad(image, std::string(file) + " has the SHA-256 " + Hex(*digest) + " and not the " +
                          Hex(expected.sha256) + " of its manifest");
  }
  return fd;
}

/// kConflict when the file changes meanwhile. The descriptor is at offset 0 afterwards.
Result<Sha256Digest> ImageStore::DigestOf(int fd) {
  auto before = StampOf(fd);
  if (!before) return Propagate(before);
  {
    std::scoped_lock lock(mutex_);
    if (auto known = known_.find(*before); known != known_.end()) return known->second;
  }
  auto digest = Sha256OfFile(fd);
  if (!digest) return digest;
  auto after = StampOf(fd);
  if (!after) return Propagate(after);
  if (*after != *before) return Fail(ErrorCode::kConflict, "it changes while it is read");
  if (::lseek(fd, 0, SEEK_SET) != 0) return FailErrno("seek");
  std::int64_t settled = std::time(nullptr) - kSettledSeconds;
  if (after->mtime[0] < settled && after->ctime[0] < settled) {
    std::scoped_lock lock(mutex_);
    if (known_.size() >= kMostKnown) known_.clear();
    known_[*after] = *digest;
  }
  return digest;
}

Result<ImageStore::Stamp> ImageStore::StampOf(int fd) {
  struct stat now{};
  if (::fstat(fd, &now) != 0) return FailErrno("stat");
  return Stamp{now.st_dev,
               now.st_ino,
               now.st_size,
               {now.st_mtim.tv_sec, now.st_mtim.tv_nsec},
               {now.st_ctim.tv_sec, now.st_ctim.tv_nsec}};
}

}  // namespace bulkhead::hostd
