// SPDX-License-Identifier: GPL-2.0-or-later
/// The images of this machine: read-only guest systems that root put below Paths::ImageDir(). An
/// image is used only after its files proved to be what its manifest says.
#pragma once

#include <sys/types.h>

#include <array>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>

#include "vmspec/base/error.h"
#include "vmspec/base/sha256.h"
#include "vmspec/base/unique_fd.h"

namespace bulkhead::hostd {

inline constexpr std::size_t kMaxManifestBytes = 1UL << 20;
inline constexpr std::size_t kMaxCmdline = 2048;

/// One file of an image as its manifest promises it.
struct ImageFile {
  std::uint64_t size = 0;
  Sha256Digest sha256{};
};

/// manifest.json. Required: "schema": 1, "name", "version", "cmdline" and "files": {"root.erofs",
/// "vmlinuz", "initrd.img"} each {"size", "sha256"}. More keys may be there, for people.
struct ImageManifest {
  std::string name;     ///< like a level's name; the name of its folder too
  std::string version;  ///< content key, [A-Za-z0-9._+~:-]{1,128}
  std::string cmdline;  ///< kernel command line: one printable ASCII line, <= kMaxCmdline bytes
  ImageFile root;       ///< root.erofs
  ImageFile kernel;     ///< vmlinuz
  ImageFile initrd;     ///< initrd.img
};

/// An image whose files are open (read-only, CLOEXEC, at offset 0) and were proved through these
/// very descriptors.
struct VerifiedImage {
  ImageManifest manifest;
  UniqueFd root;
  UniqueFd kernel;
  UniqueFd initrd;
};

/// Copies of the boot files that belong to one level.
struct BootFiles {
  std::string kernel;  ///< path
  std::string initrd;  ///< path
};

/// Any thread may call any member.
class ImageStore {
 public:
  /// @param images_dir  holds one folder an image; symlinks on the way to it are the
  /// administrator's.
  explicit ImageStore(std::string images_dir);

  /// Reads and checks the manifest of image `name`; symlinks in the image's folder are not
  /// followed. Errors name the image, the fault and the way out:
  ///   kNotFound  no such image.
  ///   kCorrupt   no manifest, or not one of ours.
  ///   kInvalid   `name` is not a name.
  [[nodiscard]] Result<ImageManifest> Load(const std::string& name) const;

  /// Load, then opens the three files and compares size and SHA-256. A file that is unchanged since
  /// (device, inode, size, mtime and ctime) is not hashed again by this object.
  /// Errors: those of Load; kCorrupt names file, expected and found value.
  [[nodiscard]] Result<VerifiedImage> Open(const std::string& name);

 private:
  /// What tells a file from itself changed.
  struct Stamp {
    dev_t device = 0;
    ino_t inode = 0;
    off_t size = 0;
    std::array<std::int64_t, 2> mtime{};
    std::array<std::int64_t, 2> ctime{};
    friend auto operator<=>(const Stamp&, const Stamp&) = default;
  };
  [[nodiscard]] Result<UniqueFd> OpenFolder(const std::string& name) const;
  Result<UniqueFd> OpenFile(int folder, const std::string& image, const char* file,
                            const ImageFile& expected);
  Result<Sha256Digest> DigestOf(int fd);
  static Result<Stamp> StampOf(int fd);

  const std::string images_dir_;
  std::mutex mutex_;
  std::map<Stamp, Sha256Digest> known_;  ///< guarded by mutex_
};

/// Copies kernel and initrd to `level_dir`/boot/{vmlinuz,initrd.img} (0644): libvirt gives the
/// files that QEMU boots to the level's uid, and levels share an image. Anew at each start: what
/// lies there is unlinked first, and the copy is hashed while it is written. `level_dir` (0711) and
/// boot/ are made when missing; the parent of `level_dir` must be there. Errors: kCorrupt when the
/// bytes are not the manifest's any more; kLimit when the disk is full; kConflict when something
/// else has the folder's place. No file stays in boot/ then.
Result<BootFiles> StageBoot(const VerifiedImage& image, const std::string& level_dir);

}  // namespace bulkhead::hostd
