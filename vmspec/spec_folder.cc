// SPDX-License-Identifier: GPL-2.0-or-later
#include <dirent.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <vector>

#include "vmspec/base/file.h"
#include "vmspec/base/sanitize.h"
#include "vmspec/did_you_mean.h"
#include "vmspec/document.h"
#include "vmspec/file_names.h"
#include "vmspec/spec.h"

namespace bulkhead::vmspec {

namespace {

struct CloseDir {
  void operator()(DIR* dir) const { ::closedir(dir); }
};

Result<std::vector<std::string>> NamesIn(const std::string& folder) {
  std::unique_ptr<DIR, CloseDir> dir(::opendir(folder.c_str()));
  if (!dir) return FailErrno("open the folder " + Printable(folder));
  std::vector<std::string> names;
  errno = 0;
  while (const dirent* entry = ::readdir(dir.get())) names.emplace_back(entry->d_name);
  if (errno != 0) return FailErrno("read the folder " + Printable(folder));
  std::sort(names.begin(), names.end());
  return names;
}

Result<std::string> ReadRegularFile(const std::string& path) {
  struct stat st{};
  if (::stat(path.c_str(), &st) != 0) return FailErrno("open " + Printable(path));
  // A FIFO would keep us waiting, a device feed us without end.
  if (!S_ISREG(st.st_mode)) {
    return Fail(ErrorCode::kInvalid, Printable(path) + " is not a regular file; remove it");
  }
  return ReadFile(path, kMaxFileBytes);
}

/// For a file or folder at `path` that no set has: the name that is nearest, or where a level lies.
std::string Suggested(const std::string& path) {
  std::vector<std::string> known;
  for (std::string_view top : kTopFiles) {
    known.push_back(std::string(top) + ".toml");
    known.push_back(std::string(top) + ".d");
  }
  known.insert(known.end(), {"levels", "templates"});
  std::string first = path.substr(0, path.find('/'));
  std::string meant = DidYouMean(first, known);
  if (!meant.empty()) return ": " + meant;
  return first == path ? "; a level lies in the folder levels/" : "";
}

Error NoFileOfASet(const std::string& folder, const std::string& path) {
  return {ErrorCode::kInvalid,
          Printable(folder + "/" + path) + " is no file of a spec set: " + kFilesRule +
              "; rename or remove it" + Suggested(path),
          0};
}

/// Reads those of `names` that a spec set has at `prefix` ("" or "levels/").
Status ReadInto(SpecFiles& files, const std::string& folder, const std::string& prefix,
                const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    std::string path = prefix + name;
    if (!name.ends_with(".toml")) continue;
    if (!ParseSpecPath(path)) return std::unexpected(NoFileOfASet(folder, path));
    if (files.size() == kMaxFiles) {
      return Fail(ErrorCode::kLimit, Printable(folder) + " has more than 4,096 spec files");
    }
    auto text = ReadRegularFile(folder + "/" + path);
    if (!text) return Propagate(text);
    files.emplace(std::move(path), std::move(*text));
  }
  return {};
}

/// A folder beside those of a set may hold anything but spec files: what is said in "device.d/"
/// would be left out without a word.
Status RefuseSpecFilesIn(const std::string& folder, const std::string& prefix,
                         const std::string& name) {
  std::string path = prefix + name;
  std::error_code error;
  bool hidden = name.starts_with('.');  // also "." and ".."
  if (hidden || !std::filesystem::is_directory(folder + "/" + path, error)) return {};
  auto names = NamesIn(folder + "/" + path);
  if (!names) return Propagate(names);
  auto is_spec = [](const std::string& file) { return file.ends_with(".toml"); };
  auto file = std::ranges::find_if(*names, is_spec);
  if (file == names->end()) return {};
  return std::unexpected(NoFileOfASet(folder, path + "/" + *file));
}

/// Reads the folder `prefix` of the set, "" or "levels/", and the folders below that a set has.
Status ReadBranch(SpecFiles& files, const std::string& folder, const std::string& prefix) {
  auto names = NamesIn(folder + "/" + prefix);
  if (!names) return Propagate(names);
  if (Status s = ReadInto(files, folder, prefix, *names); !s) return s;
  for (const std::string& name : *names) {
    bool branch = prefix.empty() && (name == "levels" || name == "templates");
    bool drop_ins = name.ends_with(".d") && ParseSpecPath(prefix + name + "/x.toml");
    if (!branch && !drop_ins) {
      if (Status s = RefuseSpecFilesIn(folder, prefix, name); !s) return s;
      continue;
    }
    if (Status s = ReadBranch(files, folder, prefix + name + "/"); !s) return s;
  }
  return {};
}

}  // namespace

Result<SpecFiles> ReadSpecFolder(const std::string& folder) {
  SpecFiles files;
  if (Status s = ReadBranch(files, folder, ""); !s) return std::unexpected(s.error());
  if (files.empty()) {
    return Fail(ErrorCode::kNotFound, Printable(folder) + " holds no spec set: " + kFilesRule);
  }
  return files;
}

}  // namespace bulkhead::vmspec
