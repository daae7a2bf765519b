// SPDX-License-Identifier: GPL-2.0-or-later
#include "hostd/cli/spec_report.h"

#include <ctime>
#include <ostream>

#include "hostd/bus/spec_variants.h"
#include "hostd/cli/command.h"
#include "vmspec/base/join.h"
#include "vmspec/base/sanitize.h"

namespace bulkhead::cli {

namespace {

using vmspec::CheckedSpec;
using vmspec::Diagnostic;
using vmspec::SpecFiles;

Json ToJson(const std::vector<vmspec::Note>& notes) {
  JsonArray all;
  for (const vmspec::Note& note : notes) {
    all.push_back(JsonMembers{{"file", note.origin.file},
                              {"line", std::int64_t{note.origin.line}},
                              {"message", note.message}});
  }
  return all;
}

Json ToJson(const Diagnostic& d) {
  return JsonMembers{{"code", d.code},
                     {"message", d.message},
                     {"file", d.origin.file},
                     {"line", std::int64_t{d.origin.line}},
                     {"column", std::int64_t{d.origin.column}},
                     {"label", d.label},
                     {"help", d.help},
                     {"warning", d.warning},
                     {"notes", ToJson(d.notes)}};
}

JsonMembers CheckJson(const CheckedSpec& checked, bool applied) {
  JsonArray all;
  for (const Diagnostic& d : checked.diagnostics) all.push_back(ToJson(d));
  return {{"ok", checked.ok()}, {"applied", applied}, {"diagnostics", std::move(all)}};
}

void ReadRestarts(GVariant* result, ApplyAnswer& answer) {
  VariantPtr lists(g_variant_lookup_value(result, "restart-needed", G_VARIANT_TYPE("a{sas}")));
  for (gsize i = 0; lists && i < g_variant_n_children(lists.get()); ++i) {
    const char* level = nullptr;
    GVariant* raw = nullptr;
    g_variant_get_child(lists.get(), i, "{&s@as}", &level, &raw);
    VariantPtr texts(raw);
    std::vector<std::string> all;
    for (gsize k = 0; k < g_variant_n_children(raw); ++k) {
      const char* text = nullptr;
      g_variant_get_child(raw, k, "&s", &text);
      all.emplace_back(text);
    }
    answer.restart_needed.emplace_back(level, std::move(all));
  }
}

}  // namespace

std::string SpellTime(std::int64_t unix_ms) {
  if (unix_ms <= 0) return {};
  std::time_t seconds = unix_ms / 1000;
  std::tm parts{};
  char text[32];
  if (::gmtime_r(&seconds, &parts) == nullptr) return {};
  return {text, std::strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &parts)};
}

/// D-Bus strings are UTF-8 without NUL: hostd would never see such a file.
Result<GVariant*> FilesVariant(const SpecFiles& files) {
  for (const auto& [path, content] : files) {
    if (g_utf8_validate_len(content.data(), content.size(), nullptr) == FALSE) {
      return Fail(ErrorCode::kInvalid, Printable(path) + " is not UTF-8 text: save it as UTF-8");
    }
  }
  return hostd::ToVariant(files);
}

GVariant* CommentOptions(const std::string& comment) {
  GVariantBuilder options;
  g_variant_builder_init(&options, G_VARIANT_TYPE_VARDICT);
  if (!comment.empty()) {
    g_variant_builder_add(&options, "{sv}", "comment", g_variant_new_string(comment.c_str()));
  }
  return g_variant_builder_end(&options);
}

ApplyAnswer AnswerFrom(GVariant* answer, gsize first, SpecFiles files, const CheckedSpec& counted) {
  ApplyAnswer all;
  all.checked.levels = counted.levels;
  all.checked.flows = counted.flows;
  all.files = std::move(files);
  VariantPtr diagnostics(g_variant_get_child_value(answer, first));
  VariantPtr result(g_variant_get_child_value(answer, first + 1));
  all.checked.diagnostics = hostd::DiagnosticsFrom(diagnostics.get());
  all.result = Dict(result.get());
  ReadRestarts(result.get(), all);
  return all;
}

int ReportCheck(const Context& context, const SpecFiles& files, const CheckedSpec& checked) {
  if (context.json()) {
    context.Print(Json(CheckJson(checked, false)));
  } else {
    context.out() << vmspec::FormatDiagnostics(files, checked, context.around().colour);
  }
  return checked.ok() ? kExitOk : kExitFailure;
}

int ReportApplied(const Context& context, const ApplyAnswer& answer) {
  if (!answer.checked.ok()) return ReportCheck(context, answer.files, answer.checked);
  if (context.json()) {
    JsonMembers json = CheckJson(answer.checked, true);
    JsonMembers restarts;
    for (const auto& [level, what] : answer.restart_needed) {
      restarts.emplace_back(level, TextsJson(what));
    }
    json.emplace_back("version", answer.result.Number("version"));
    json.emplace_back("sha256", answer.result.Text("sha256"));
    json.emplace_back("restart_needed", std::move(restarts));
    json.emplace_back("notes", TextsJson(answer.result.Texts("notes")));
    context.Print(Json(std::move(json)));
    return kExitOk;
  }
  context.out() << vmspec::FormatDiagnostics(answer.files, answer.checked, context.around().colour);
  context.out() << "Applied as version " << answer.result.Number("version") << ".\n";
  for (const auto& [level, what] : answer.restart_needed) {
    context.out() << Printable(level) << ": restart needed: " << Printable(Joined(what), 1000)
                  << "\n";
  }
  for (const std::string& note : answer.result.Texts("notes")) {
    context.out() << Printable(note, 2000) << "\n";
  }
  return kExitOk;
}

void PrintFiles(const Context& context, const SpecFiles& files) {
  JsonMembers all;
  for (const auto& [path, content] : files) {
    all.emplace_back(path, content);
    if (!context.json()) {
      context.out() << "# " << Printable(path) << "\n" << PrintableLines(content) << "\n";
    }
  }
  if (context.json()) context.Print(Json(JsonMembers{{"files", std::move(all)}}));
}

}  // namespace bulkhead::cli
