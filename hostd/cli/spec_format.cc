// SPDX-License-Identifier: GPL-2.0-or-later
/// spec format
#include <filesystem>
#include <ostream>

#include "hostd/cli/command.h"
#include "vmspec/base/file.h"
#include "vmspec/base/sanitize.h"
#include "vmspec/document.h"
#include "vmspec/format.h"
#include "vmspec/spec.h"

namespace bulkhead::cli {

namespace {

/// A file whose layout is not the canonical one.
struct Difference {
  std::string path;
  std::string laid;
};

/// The files that a word of the command line means: one, or those of a spec set.
Result<std::vector<std::string>> FilesOf(const std::string& word) {
  std::error_code ignored;
  if (!std::filesystem::is_directory(word, ignored)) return std::vector<std::string>{word};
  auto files = vmspec::ReadSpecFolder(word);
  if (!files) return Propagate(files);
  std::vector<std::string> paths;
  for (const auto& [path, text] : *files) {
    paths.push_back(word + (word.ends_with('/') ? "" : "/") + path);
  }
  return paths;
}

/// Nothing when the file is as it should be.
Result<std::vector<Difference>> Look(const std::string& path) {
  // A FIFO would keep us waiting, a device feed us without end.
  std::error_code ignored;
  bool special =
      std::filesystem::exists(path, ignored) && !std::filesystem::is_regular_file(path, ignored);
  if (special) return Fail(ErrorCode::kInvalid, Printable(path) + " is not a regular file");
  auto text = ReadFile(path, vmspec::kMaxFileBytes);
  if (!text) return Propagate(text);
  auto laid = vmspec::FormatToml(Printable(path), *text);
  if (!laid) return Propagate(laid);
  if (*laid == *text) return std::vector<Difference>{};
  return std::vector<Difference>{{path, std::move(*laid)}};
}

void Report(const Context& context, const std::vector<Difference>& all, std::size_t files,
            bool check) {
  if (context.json()) {
    JsonArray paths;
    for (const Difference& each : all) paths.emplace_back(each.path);
    context.Print(Json(JsonMembers{
        {"files", std::uint64_t{files}}, {"written", !check}, {"differ", std::move(paths)}}));
    return;
  }
  for (const Difference& each : all) context.out() << Printable(each.path, 4096) << "\n";
  std::string count = std::to_string(all.size()) + " of " + std::to_string(files);
  std::string noun = files == 1 ? " file " : " files ";
  context.out() << count << noun << (check ? "would change.\n" : "changed.\n");
}

}  // namespace

Result<int> SpecFormat(Context& context, const Arguments& arguments) {
  std::vector<Difference> all;
  std::size_t files = 0;
  bool sound = true;
  for (const std::string& word : arguments.positional) {
    auto paths = FilesOf(word);
    if (!paths) return Propagate(paths);
    files += paths->size();
    for (const std::string& path : *paths) {
      auto found = Look(path);
      if (!found) context.Complain(found.error().message);
      sound = sound && found;
      if (found) all.insert(all.end(), found->begin(), found->end());
    }
  }
  if (!sound) return Fail(ErrorCode::kInvalid, "no file was changed");
  bool check = arguments.Has("--check");
  for (const Difference& each : all) {
    Status written = check ? Status() : ReplaceFile(each.path, each.laid);
    if (!written) return Propagate(written);
  }
  Report(context, all, files, check);
  return check && !all.empty() ? kExitFailure : kExitOk;
}

}  // namespace bulkhead::cli
