// SPDX-License-Identifier: GPL-2.0-or-later
#include "guest-images/agent/writable_list.h"

#include <charconv>

namespace bulkhead::agent {

namespace {

std::vector<std::string_view> Words(std::string_view line) {
  std::vector<std::string_view> words;
  for (std::size_t at = line.find_first_not_of(" \t"); at != std::string_view::npos;
       at = line.find_first_not_of(" \t", at)) {
    std::size_t end = std::min(line.find_first_of(" \t", at), line.size());
    words.push_back(line.substr(at, end - at));
    at = end;
  }
  return words;
}

bool Number(std::string_view word, int base, unsigned max, unsigned& out) {
  auto [end, fault] = std::from_chars(word.data(), word.data() + word.size(), out, base);
  return fault == std::errc() && end == word.data() + word.size() && out <= max;
}

bool IsPlainPath(std::string_view path) {
  return path.size() > 1 && path.front() == '/' && path.back() != '/' &&
         path.find("/.") == std::string_view::npos && path.find("//") == std::string_view::npos;
}

}  // namespace

std::vector<std::string> Lines(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    if (!line.empty() && line.front() != '#') lines.emplace_back(line);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

Result<std::vector<WritableFolder>> ParseWritableList(std::string_view text) {
  std::vector<WritableFolder> folders;
  for (const std::string& line : Lines(text)) {
    auto words = Words(line);
    if (words.empty()) continue;
    WritableFolder folder;
    if (words.size() != 4 || !IsPlainPath(words[0]) || !Number(words[1], 8, 01777, folder.mode) ||
        !Number(words[2], 10, 65534, folder.uid) || !Number(words[3], 10, 65534, folder.gid)) {
      return Fail(ErrorCode::kInvalid, "not PATH MODE UID GID: \"" + line + "\"");
    }
    folder.path = words[0];
    folders.push_back(std::move(folder));
  }
  return folders;
}

}  // namespace bulkhead::agent
