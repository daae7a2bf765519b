// SPDX-License-Identifier: GPL-2.0-or-later
#include "hostd/storage/manifest.h"

#include <json-glib/json-glib.h>

#include <algorithm>

#include "hostd/gptr.h"
#include "vmspec/base/sanitize.h"

namespace bulkhead::hostd {

namespace {

constexpr std::int64_t kSchema = 1;
/// json-glib calls itself for each nested value: this bounds its stack.
constexpr std::ptrdiff_t kMostBrackets = 4096;

std::unexpected<Error> Wrong(std::string message) {
  return Fail(ErrorCode::kCorrupt, std::move(message));
}

std::string Quoted(const char* key) { return "\"" + std::string(key) + "\""; }

/// The member of that type; nullptr when missing or of another type.
JsonNode* Member(JsonObject* object, const char* key, GType type) {
  JsonNode* node = json_object_get_member(object, key);
  bool fits =
      node != nullptr && JSON_NODE_HOLDS_VALUE(node) && json_node_get_value_type(node) == type;
  return fits ? node : nullptr;
}

JsonObject* ObjectMember(JsonObject* object, const char* key) {
  JsonNode* node = json_object_get_member(object, key);
  return node != nullptr && JSON_NODE_HOLDS_OBJECT(node) ? json_node_get_object(node) : nullptr;
}

/// A string that `allowed` holds for; its value is not repeated in the message.
template <typename Allowed>
Result<std::string> Text(JsonObject* object, const char* key, const char* rule, Allowed allowed) {
  JsonNode* node = Member(object, key, G_TYPE_STRING);
  if (node == nullptr) return Wrong(Quoted(key) + " is missing or no string");
  std::string text = json_node_get_string(node);
  if (!allowed(text)) return Wrong(Quoted(key) + " must be " + rule);
  return text;
}

bool IsVersion(const std::string& text) {
  constexpr std::string_view kAllowed =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._+~:-";
  return !text.empty() && text.size() <= 128 &&
         text.find_first_not_of(kAllowed) == std::string::npos;
}

bool IsCmdline(const std::string& text) {
  return text.size() <= kMaxCmdline &&
         std::ranges::all_of(text, [](char c) { return c >= 0x20 && c < 0x7F; });
}

Result<ImageFile> File(JsonObject* files, const char* name) {
  JsonObject* object = ObjectMember(files, name);
  if (object == nullptr) return Wrong("\"files\" does not describe " + std::string(name));
  JsonNode* size = Member(object, "size", G_TYPE_INT64);
  if (size == nullptr || json_node_get_int(size) <= 0) {
    return Wrong("the size of " + std::string(name) + " is missing or no positive number");
  }
  JsonNode* hex = Member(object, "sha256", G_TYPE_STRING);
  auto digest = hex == nullptr ? Result<Bytes>(Bytes()) : Unhex(json_node_get_string(hex));
  if (!digest || digest->size() != 32) {
    return Wrong("the sha256 of " + std::string(name) + " is missing or no 64 hex digits");
  }
  ImageFile file;
  file.size = static_cast<std::uint64_t>(json_node_get_int(size));
  std::ranges::copy(*digest, file.sha256.begin());
  return file;
}

Status ReadFiles(JsonObject* root, ImageManifest& manifest) {
  JsonObject* files = ObjectMember(root, "files");
  if (files == nullptr) return Wrong("\"files\" is missing or no object");
  if (json_object_get_size(files) != 3) {
    return Wrong("\"files\" must hold root.erofs, vmlinuz and initrd.img and no more");
  }
  for (auto [name, file] : {std::pair{kRootFile, &manifest.root},
                            {kKernelFile, &manifest.kernel},
                            {kInitrdFile, &manifest.initrd}}) {
    auto read = File(files, name);
    if (!read) return Propagate(read);
    *file = *read;
  }
  return {};
}

Result<ImageManifest> Read(JsonObject* root, std::string_view folder) {
  JsonNode* schema = Member(root, "schema", G_TYPE_INT64);
  if (schema == nullptr || json_node_get_int(schema) != kSchema) {
    return Wrong("\"schema\" must be 1, the only form this version knows");
  }
  ImageManifest manifest;
  auto is_folder = [&](const std::string& text) { return text == folder; };
  auto name = Text(root, "name", "the name of the image's folder", is_folder);
  if (!name) return Propagate(name);
  auto version = Text(root, "version", "1 to 128 of A-Z, a-z, 0-9 and ._+~:-", IsVersion);
  if (!version) return Propagate(version);
  auto cmdline =
      Text(root, "cmdline", "one line of at most 2048 printable ASCII characters", IsCmdline);
  if (!cmdline) return Propagate(cmdline);
  manifest.name = *name;
  manifest.version = *version;
  manifest.cmdline = *cmdline;
  if (auto s = ReadFiles(root, manifest); !s) return Propagate(s);
  return manifest;
}

}  // namespace

Result<ImageManifest> ParseManifest(std::string_view text, std::string_view folder) {
  auto is_bracket = [](char c) { return c == '[' || c == '{'; };
  if (std::ranges::count_if(text, is_bracket) > kMostBrackets) {
    return Wrong("it has more lists and objects than any manifest");
  }
  GObjectPtr<JsonParser> parser(json_parser_new_immutable());
  GError* raw = nullptr;
  auto size = static_cast<gssize>(text.size());
  if (!json_parser_load_from_data(parser.get(), text.data(), size, &raw)) {
    GErrorPtr error(raw);
    return Wrong("it is no JSON: " + Printable(error->message));
  }
  JsonNode* root = json_parser_get_root(parser.get());
  if (root == nullptr || !JSON_NODE_HOLDS_OBJECT(root)) return Wrong("it is no JSON object");
  return Read(json_node_get_object(root), folder);
}

}  // namespace bulkhead::hostd
