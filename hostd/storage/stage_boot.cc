// SPDX-License-Identifier: GPL-2.0-or-later
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <vector>

#include "hostd/storage/folder.h"
#include "hostd/storage/image_store.h"
#include "hostd/storage/manifest.h"
#include "vmspec/base/file.h"

namespace bulkhead::hostd {

namespace {

constexpr std::size_t kChunk = 1UL << 20;

/// Copies all of `from` to `to` and returns size and digest of what was copied.
Result<ImageFile> CopyAll(int from, int to) {
  Bytes buffer(kChunk);
  Sha256 hash;
  ImageFile copied;
  for (;;) {
    // Not read(): the image's descriptor keeps its offset for whoever else uses it.
    ssize_t n = ::pread(from, buffer.data(), buffer.size(), static_cast<off_t>(copied.size));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return FailErrno("read");
    if (n == 0) break;
    auto size = static_cast<std::size_t>(n);
    hash.Update(ByteView(buffer).first(size));
    if (auto s = WriteFully(to, buffer.data(), size); !s) return Propagate(s);
    copied.size += size;
  }
  copied.sha256 = hash.Finish();
  return copied;
}

/// A new file, never one that is there: the old one may be the level's by now.
Status CopyFile(int from, int folder, const char* name, const ImageFile& expected) {
  if (::unlinkat(folder, name, 0) != 0 && errno != ENOENT) return FailErrno("remove the old one");
  UniqueFd to(::openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!to) return FailErrno("create");
  auto copied = CopyAll(from, to.get());
  if (!copied) return Propagate(copied);
  if (copied->size != expected.size || copied->sha256 != expected.sha256) {
    return Fail(ErrorCode::kCorrupt, "the image was changed while it was copied");
  }
  if (::fchmod(to.get(), 0644) != 0) return FailErrno("chmod");
  return {};
}

Status CopyBoth(const VerifiedImage& image, int folder, const std::string& path) {
  auto kernel = CopyFile(image.kernel.get(), folder, kKernelFile, image.manifest.kernel);
  if (!kernel) return Propagate(kernel, "copy " + path + "/" + kKernelFile);
  auto initrd = CopyFile(image.initrd.get(), folder, kInitrdFile, image.manifest.initrd);
  if (!initrd) return Propagate(initrd, "copy " + path + "/" + kInitrdFile);
  return {};
}

}  // namespace

Result<BootFiles> StageBoot(const VerifiedImage& image, const std::string& level_dir) {
  auto level = OpenLevelFolder(level_dir);
  if (!level) return Propagate(level);
  auto boot = OpenSubfolder(level->get(), level_dir, "boot");
  if (!boot) return Propagate(boot);
  std::string path = level_dir + "/boot";
  if (auto s = CopyBoth(image, boot->get(), path); !s) {
    ::unlinkat(boot->get(), kKernelFile, 0);
    ::unlinkat(boot->get(), kInitrdFile, 0);
    return Propagate(s);
  }
  return BootFiles{path + "/" + kKernelFile, path + "/" + kInitrdFile};
}

}  // namespace bulkhead::hostd
