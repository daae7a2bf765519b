// SPDX-License-Identifier: GPL-2.0-or-later
#include "vmspec/assemble.h"

#include <algorithm>
#include <vector>

#include "vmspec/codes.h"
#include "vmspec/did_you_mean.h"
#include "vmspec/file_names.h"
#include "vmspec/merge.h"
#include "vmspec/migrate.h"
#include "vmspec/scalars.h"
#include "vmspec/schema.h"

namespace bulkhead::vmspec {

namespace {

using Part = SpecPath::Part;

constexpr std::size_t kMaxTemplateDepth = 16;
/// In all levels: a few small files that extend large templates would make a set without end.
constexpr std::size_t kMaxFromTemplates = 1'000'000;

/// Keys and values.
std::size_t Size(const Node& node) {
  std::size_t size = 1;
  if (const auto* table = node.As<Table>()) {
    for (const Member& member : table->members) size += Size(member.value);
  } else if (const auto* array = node.As<Array>()) {
    for (const Node& element : *array) size += Size(element);
  }
  return size;
}

Place StartOf(const std::string& file) { return {&file, 1, 1, 1}; }

/// What one file says, and the files laid over it.
struct Sheet {
  std::optional<Node> node;  ///< nothing: no file of its own
  std::vector<Node> drop_ins;
  Place first;           ///< of any of its files
  bool has_own = false;  ///< there is a file of its own, sound or not
  bool sound = true;
  std::size_t size = 0;  ///< of a template
};
using Sheets = std::map<std::string, Sheet>;

/// False: the file is of a schema that would only be misread.
bool ReadSchema(const SpecPath& path, Node& document, Faults& faults) {
  Node* schema = Find(document, "schema");
  if (schema == nullptr) {
    faults.Error(codes::kMissingKey, "the key \"schema\" is missing", document.origin, {},
                 "write schema = " + std::to_string(kCurrentSchema) + " at the top of the file");
    std::get<Table>(document.value)
        .members.push_back({"schema", document.origin, {document.origin, kCurrentSchema}});
    return true;
  }
  auto version = SchemaOf(document);
  if (!version) {
    const auto* number = schema->As<std::int64_t>();
    std::string said =
        number != nullptr ? std::to_string(*number) : std::string(schema->TypeName());
    faults.Error(codes::kSchema, SchemasRead() + ", not " + said, schema->origin, {},
                 "write schema = " + std::to_string(kCurrentSchema) +
                     ", or read the set with the version of Bulkhead that it was written for");
    return false;
  }
  Migrate(path, *version, document);
  return true;
}

class Assembler {
 public:
  explicit Assembler(Faults& faults) : faults_(faults) {}

  void Add(const std::string& file, const std::string& text) {
    auto path = ParseSpecPath(file);
    if (!path) {
      faults_.Error(codes::kUnknownFile, "a spec set has no file " + Quoted(file), StartOf(file),
                    {}, kFilesRule);
      return;
    }
    if (path->part != Part::kTop && !IsName(path->name)) {
      std::string lower = path->name;
      for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
      faults_.Error(codes::kFileName,
                    Quoted(path->name) + " cannot be the name of a " +
                        (path->part == Part::kLevel ? "level" : "template"),
                    StartOf(file), IsName(lower) ? "did you mean \"" + lower + "\"?" : "",
                    kNameRule);
      return;
    }
    Sheet& sheet = SheetsOf(path->part)[path->name];
    if (sheet.first.line == 0) sheet.first = StartOf(file);
    sheet.has_own = sheet.has_own || !path->drop_in;
    auto document = ParseDocument(file, text, faults_);
    if (document && !ReadSchema(*path, *document, faults_)) document.reset();
    sheet.sound = sheet.sound && document;
    if (!document) return;
    if (path->drop_in) {
      sheet.drop_ins.push_back(std::move(*document));
    } else {
      sheet.node = std::move(document);
    }
  }

  Assembled Finish() {
    Assembled out;
    for (auto& [name, sheet] : templates_) {
      out.template_names.insert(name);
      if (sheet.node) sheet.size = Size(*sheet.node);
    }
    for (auto& [name, sheet] : levels_) {
      if (!sheet.has_own) {
        faults_.Error(codes::kUnknownFile,
                      "there is no level " + Quoted(name) + " for this drop-in", sheet.first,
                      DidYouMean(name, LevelsWithAFile()), "a level is a file levels/NAME.toml");
        continue;
      }
      out.level_names.insert(name);
      if (sheet.sound && Extend(*sheet.node)) out.levels.emplace(name, Laid(std::move(sheet)));
    }
    for (auto& [name, sheet] : tops_) {
      if (!sheet.sound) out.unreadable.insert(name);
      if (sheet.sound) out.top.emplace(name, Laid(std::move(sheet)));
    }
    return out;
  }

 private:
  std::vector<std::string> LevelsWithAFile() const {
    std::vector<std::string> names;
    for (const auto& [name, sheet] : levels_) {
      if (sheet.has_own) names.push_back(name);
    }
    return names;
  }

  Sheets& SheetsOf(Part part) {
    return part == Part::kLevel ? levels_ : part == Part::kTemplate ? templates_ : tops_;
  }

  static Node Laid(Sheet sheet) {
    Node out = sheet.node ? std::move(*sheet.node) : Node{sheet.first, Table{}};
    for (Node& over : sheet.drop_ins) Merge(out, std::move(over));
    return out;
  }

  /// The template's name; nothing: none is said, or what is said is at fault (`sound` is false).
  std::optional<std::string> TakeExtends(Node& document, bool& sound) {
    Node* node = Find(document, "extends");
    if (node == nullptr) return std::nullopt;
    const auto* name = node->As<std::string>();
    sound = name != nullptr && templates_.contains(*name);
    if (sound) return *name;
    if (name == nullptr) {
      faults_.Error(codes::kWrongType,
                    "\"extends\" must be a string, not " + std::string(node->TypeName()),
                    node->origin);
      return std::nullopt;
    }
    std::vector<std::string> known;
    if (!faults_.full()) {
      for (const auto& [key, sheet] : templates_) known.push_back(key);
    }
    std::string meant = faults_.MayCompare(known.size()) ? DidYouMean(*name, known) : "";
    std::string there = known.empty()        ? "the spec set has none"
                        : known.size() <= 16 ? "there are " + Listed(known, " and ")
                                             : "";
    std::string help = "a template is a file templates/NAME.toml";
    if (!there.empty()) help += "; " + there;
    faults_.Error(codes::kUnknownReference, "there is no template " + Quoted(*name), node->origin,
                  meant, meant.empty() ? help : "");
    return std::nullopt;
  }

  /// False: the levels have had too much of templates; that is told once.
  bool TakeRoom(const Sheet& sheet, const Node& document) {
    bool had_room = from_templates_ <= kMaxFromTemplates;
    from_templates_ += had_room ? sheet.size : 0;
    bool has_room = from_templates_ <= kMaxFromTemplates;
    if (had_room && !has_room) {
      faults_.Error(
          codes::kTooMany, "templates make more than 1,000,000 keys and values of the set",
          Find(document, "extends")->origin, {}, "let fewer levels extend large templates");
    }
    return has_room;
  }

  /// Puts the templates under the document. False: one of them is at fault, and what the level
  /// lacks cannot be told.
  bool Extend(Node& document) {
    std::vector<Node> chain;
    NameSet seen;
    bool sound = true;
    Node* next = &document;
    while (auto name = TakeExtends(*next, sound)) {
      if (!seen.insert(*name).second || seen.size() > kMaxTemplateDepth) {
        faults_.Error(codes::kTemplateCycle,
                      "the template " + Quoted(*name) + " extends itself, or too many others",
                      Find(*next, "extends")->origin);
        return false;
      }
      const Sheet& sheet = templates_.at(*name);
      if (!sheet.sound || !sheet.node || !TakeRoom(sheet, *next)) return false;
      chain.push_back(*sheet.node);
      next = &chain.back();
    }
    if (chain.empty()) return sound;
    Node own = std::move(document);
    document = std::move(chain.back());
    document.origin = own.origin;
    for (auto it = chain.rbegin() + 1; it != chain.rend(); ++it) Merge(document, std::move(*it));
    Merge(document, std::move(own));
    return sound;
  }

  Faults& faults_;
  std::size_t from_templates_ = 0;
  Sheets levels_;
  Sheets templates_;
  Sheets tops_;
  std::size_t inherited_ = 0;
};

}  // namespace

Assembled Assemble(const SpecFiles& files, Faults& faults) {
  Assembler assembler(faults);
  for (const auto& [path, text] : files) assembler.Add(path, text);
  return assembler.Finish();
}

}  // namespace bulkhead::vmspec
