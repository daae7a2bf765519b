// SPDX-License-Identifier: GPL-2.0-or-later
#include "vmspec/migrate_text.h"

#include <algorithm>

#include "vmspec/document.h"
#include "vmspec/format_proof.h"
#include "vmspec/layout.h"
#include "vmspec/migrate.h"
#include "vmspec/schema.h"
#include "vmspec/source_line.h"

namespace bulkhead::vmspec {

namespace {

/// A value whose spelling must change, and the place where it stands.
struct Edit {
  Origin origin;
  std::string key;
  std::string to;
};

/// Numbers, flags, and texts that need no escapes: all that a migration makes.
std::string Spelt(const Node& value) {
  if (const auto* text = value.As<std::string>()) return '"' + *text + '"';
  if (const auto* number = value.As<std::int64_t>()) return std::to_string(*number);
  const auto* flag = value.As<bool>();
  return flag != nullptr && *flag ? "true" : "false";
}

class Comparison {
 public:
  /// Both are of one shape: a migration changes single values.
  void Compare(const Node& was, const Node& is, const std::string& key) {
    const auto* table = was.As<Table>();
    const auto* array = was.As<Array>();
    if (table != nullptr && is.As<Table>() != nullptr) {
      CompareTables(*table, *is.As<Table>(), key);
    } else if (array != nullptr && is.As<Array>() != nullptr) {
      std::size_t both = std::min(array->size(), is.As<Array>()->size());
      for (std::size_t i = 0; i < both; ++i) Compare((*array)[i], (*is.As<Array>())[i], key);
    } else if (!MeansTheSame(was, is)) {
      edits_.push_back({was.origin, key, Spelt(is)});
    }
  }

  std::vector<Edit> Take() {
    std::ranges::sort(edits_, {},
                      [](const Edit& e) { return std::pair(e.origin.line, e.origin.column); });
    return std::move(edits_);
  }

 private:
  void CompareTables(const Table& was, const Table& is, const std::string& key) {
    std::size_t both = std::min(was.members.size(), is.members.size());
    for (std::size_t i = 0; i < both; ++i) {
      const Member& member = was.members[i];
      Compare(member.value, is.members[i].value, (key.empty() ? "" : key + ".") + member.key);
    }
  }

  std::vector<Edit> edits_;
};

std::size_t ScalarLength(std::string_view text) {
  bool quoted = text.starts_with('"') || text.starts_with('\'');
  return quoted ? layout::StringLength(text)
                : std::min(text.find_first_of(" \t\r\n,]}#"), text.size());
}

MigratedText Rewritten(std::string_view text, const std::vector<Edit>& edits) {
  MigratedText out;
  std::size_t done = 0;
  for (const Edit& edit : edits) {
    // Were the place wrong, the proof would find what came of it.
    std::size_t at = std::max(OffsetOf(text, edit.origin), done);
    std::string_view was = text.substr(at, ScalarLength(text.substr(at)));
    out.values.push_back({edit.origin.line, edit.key, std::string(was), edit.to});
    out.text += std::string(text.substr(done, at - done)) + edit.to;
    done = at + was.size();
  }
  out.text += text.substr(done);
  return out;
}

Status Prove(const std::string& file, std::string_view before, const MigratedText& after,
             const Node& meant) {
  auto document = ReadDocument(file, after.text);
  bool good = document && MeansTheSame(meant, *document) &&
              WordsChanged(before, after.text) == after.values.size();
  if (good) return {};
  if (after.text.size() > kMaxFileBytes) {
    return Fail(ErrorCode::kLimit, file + " is too large to be migrated; it was not changed");
  }
  return Fail(ErrorCode::kInternal, file + " would not mean the same; it was not changed");
}

}  // namespace

Result<MigratedText> MigrateText(const SpecPath& path, const std::string& file,
                                 std::string_view text) {
  auto before = ReadDocument(file, text);
  if (!before) return Propagate(before);
  auto schema = SchemaOf(*before);
  if (!schema) {
    return Fail(ErrorCode::kInvalid,
                file + " says no schema that can be migrated: " + SchemasRead());
  }
  if (*schema == kCurrentSchema) return MigratedText{std::string(text), *schema, {}};
  Node meant = *before;
  Migrate(path, *schema, meant);
  Find(meant, "schema")->value = kCurrentSchema;
  Comparison comparison;
  comparison.Compare(*before, meant, "");
  MigratedText out = Rewritten(text, comparison.Take());
  out.from = *schema;
  if (Status proved = Prove(file, text, out, meant); !proved) return Propagate(proved);
  return out;
}

}  // namespace bulkhead::vmspec
