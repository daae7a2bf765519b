// SPDX-License-Identifier: GPL-2.0-or-later
/// spec format
#include <filesystem>
#include <ostream>

#include "hostd/cli/command.h"
#include "vmspec/base/file.h"
#include "vmspec/base/sanitize.h"
#include "vmspec/document.h"
#include "vmspec/file_names.h"
#include "vmspec/format.h"
#include "vmspec/migrate_text.h"
#include "vmspec/schema.h"
#include "vmspec/spec.h"

namespace bulkhead::cli {

namespace {

/// A file that is not as it should be.
struct Difference {
  std::string path;
  std::string text;                 ///< as it should be
  vmspec::MigratedText migrated{};  ///< what of it is of an older schema
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

Result<std::string> ReadText(const std::string& path) {
  // A FIFO would keep us waiting, a device feed us without end.
  std::error_code ignored;
  bool special =
      std::filesystem::exists(path, ignored) && !std::filesystem::is_regular_file(path, ignored);
  if (special) return Fail(ErrorCode::kInvalid, Printable(path) + " is not a regular file");
  return ReadFile(path, vmspec::kMaxFileBytes);
}

/// What a schema means for a file depends on which file of a set it is.
Result<vmspec::MigratedText> Migrated(const std::string& path, const std::string& text) {
  std::error_code ignored;
  std::string full = std::filesystem::absolute(path, ignored).lexically_normal();
  auto part = vmspec::ParseSpecPathEnd(full);
  if (!part) {
    return Fail(ErrorCode::kInvalid,
                Printable(path) +
                    " is no file of a spec set, so it cannot be migrated: " + vmspec::kFilesRule);
  }
  return vmspec::MigrateText(*part, Printable(path), text);
}

/// Nothing when the file is as it should be.
Result<std::vector<Difference>> Look(const std::string& path, bool migrate) {
  auto text = ReadText(path);
  if (!text) return Propagate(text);
  auto migrated = migrate ? Migrated(path, *text) : vmspec::MigratedText{*text, 0, {}};
  if (!migrated) return Propagate(migrated);
  auto laid = vmspec::FormatToml(Printable(path), migrated->text);
  if (!laid) return Propagate(laid);
  if (*laid == *text) return std::vector<Difference>{};
  return std::vector<Difference>{{path, std::move(*laid), std::move(*migrated)}};
}

Json MigratedJson(const std::vector<Difference>& all) {
  JsonArray files;
  for (const Difference& each : all) {
    if (each.migrated.values.empty()) continue;
    JsonArray values;
    for (const vmspec::MigratedValue& value : each.migrated.values) {
      values.push_back(JsonMembers{{"line", std::int64_t{value.line}},
                                   {"key", value.key},
                                   {"from", value.from},
                                   {"to", value.to}});
    }
    files.push_back(JsonMembers{{"file", each.path},
                                {"from", each.migrated.from},
                                {"to", vmspec::kCurrentSchema},
                                {"values", std::move(values)}});
  }
  return files;
}

/// The file, and below it each value that a newer schema spells otherwise.
void ReportFile(const Context& context, const Difference& difference) {
  context.out() << Printable(difference.path, 4096);
  const vmspec::MigratedText& migrated = difference.migrated;
  if (!migrated.values.empty()) {
    context.out() << ": schema " << migrated.from << " becomes " << vmspec::kCurrentSchema;
  }
  context.out() << "\n";
  for (const vmspec::MigratedValue& value : migrated.values) {
    if (value.key == "schema") continue;
    context.out() << "  line " << value.line << ": " << Printable(value.key) << " = "
                  << Printable(value.from) << " becomes " << Printable(value.to) << "\n";
  }
}

void Report(const Context& context, const std::vector<Difference>& all, std::size_t files,
            bool check) {
  if (context.json()) {
    JsonArray paths;
    for (const Difference& each : all) paths.emplace_back(each.path);
    context.Print(Json(JsonMembers{{"files", std::uint64_t{files}},
                                   {"written", !check},
                                   {"differ", std::move(paths)},
                                   {"migrated", MigratedJson(all)}}));
    return;
  }
  for (const Difference& each : all) ReportFile(context, each);
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
      auto found = Look(path, arguments.Has("--migrate"));
      if (!found) context.Complain(found.error().message);
      sound = sound && found;
      if (found) all.insert(all.end(), found->begin(), found->end());
    }
  }
  if (!sound) return Fail(ErrorCode::kInvalid, "no file was changed");
  bool check = arguments.Has("--check");
  for (const Difference& each : all) {
    Status written = check ? Status() : ReplaceFile(each.path, each.text);
    if (!written) return Propagate(written);
  }
  Report(context, all, files, check);
  return check && !all.empty() ? kExitFailure : kExitOk;
}

}  // namespace bulkhead::cli
