// SPDX-License-Identifier: GPL-2.0-or-later
/// Spec sets for the tests: a sound one, and the same with one thing changed.
#pragma once

#include <unistd.h>

#include <cstdlib>
#include <string>

#include "vmspec/spec.h"

namespace bulkhead::vmspec {

inline std::string SourceRoot() {
  const char* root = std::getenv("BULKHEAD_SOURCE_ROOT");
  return root == nullptr ? "." : root;
}

/// The folder of other people's test data, which users do not have; "" then.
inline std::string CorpusFolder(const std::string& name) {
  const char* corpora = std::getenv("BULKHEAD_CORPORA");
  std::string folder =
      (corpora == nullptr ? SourceRoot() + "/../shared/corpora" : corpora) + ("/" + name);
  return access(folder.c_str(), R_OK) == 0 ? folder : "";
}

/// Three levels, a flow, an uplink, rules: checks clean.
inline SpecFiles SoundSet() {
  return {
      {"levels/low.toml", R"(schema = 1
title = "Public"
label = { rank = 0 }
image = "minimal"
[network]
uplink = "office"
allow = [{ to = "192.0.2.1", tcp = 443 }]
)"},
      {"levels/high.toml", R"(schema = 1
label = { rank = 2, compartments = ["hq"] }
image = "minimal"
)"},
      {"flows.toml", R"(schema = 1
[flow.up]
from = "low"
to = "high"
kind = "transfer"
)"},
      {"networks.toml", R"(schema = 1
[uplink.office]
kind = "nat"
interface = "eth0"
label = { rank = 0 }
)"},
  };
}

/// SoundSet() with `text` in place of `old` in that file; the test is at fault when `old` is not
/// there.
inline SpecFiles Changed(const std::string& file, const std::string& old, const std::string& text) {
  SpecFiles files = SoundSet();
  std::size_t at = files.at(file).find(old);
  if (at == std::string::npos) std::abort();
  files[file].replace(at, old.size(), text);
  return files;
}

inline SpecFiles Added(const std::string& file, const std::string& text) {
  SpecFiles files = SoundSet();
  files[file] += text;
  return files;
}

inline std::string Explain(const SpecFiles& files) {
  return FormatDiagnostics(files, CheckSpec(files), false);
}

/// "B0102 flows.toml:2:1; B0201 ..."
inline std::string Codes(const SpecFiles& files) {
  std::string out;
  for (const Diagnostic& d : CheckSpec(files).diagnostics) {
    out += (out.empty() ? "" : "; ") + d.code + " " + d.origin.file + ":" +
           std::to_string(d.origin.line) + ":" + std::to_string(d.origin.column);
  }
  return out;
}

}  // namespace bulkhead::vmspec
